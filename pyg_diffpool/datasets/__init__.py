"""Synthetic data sets that need no download."""

from pyg_diffpool.datasets.communities import CommunityChains
from pyg_diffpool.datasets.distant_markers import DistantMarkers

__all__ = ["CommunityChains", "DistantMarkers"]
