"""Whole epochs timed beside PyG's recipe and tgp."""
