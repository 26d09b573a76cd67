"""Coarsening timed beside PyG's dense route and tgp."""
