"""CommunityChains, made from fixed arguments: it needs no download and no files."""

from benchmarks.data.source import Source
from pyg_diffpool.datasets import CommunityChains


class CommunityChainsSource(Source):
    """Pairs of chains of communities; the features of nodes are attributes."""

    NAMES = ("CommunityChains",)
    IN_FILES = False
    NO_SPLITS = "is generated and has no published folds"
    NO_KERNELS = "kernels compare labels of nodes, and these have noisy attributes alone"

    def load(self) -> CommunityChains:
        """Make the graphs."""
        return CommunityChains(num_graphs=600, seed=0)
