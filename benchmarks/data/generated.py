"""Data sets that are made here, from fixed arguments: they need no download and no files."""

from collections.abc import Callable

from torch_geometric.data import InMemoryDataset

from pyg_diffpool.datasets import CommunityChains


def _community_chains() -> CommunityChains:
    return CommunityChains(num_graphs=600, seed=0)


GENERATED: dict[str, Callable[[], InMemoryDataset]] = {"CommunityChains": _community_chains}
"""From a name to the function that makes the data set; features of nodes are attributes."""
