"""Synthetic data sets that need no download."""

from pyg_diffpool.datasets.communities import CommunityChains

__all__ = ["CommunityChains"]
