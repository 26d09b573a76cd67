"""Graphs that the epoch benchmark trains on, the same for all contenders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch_geometric.data import Data, InMemoryDataset

from benchmarks.data.features import node_features
from benchmarks.data.registry import read_graphs
from pyg_diffpool import DiffPoolNet

RATIO, NUM_POOLS = 0.25, 2
# As in PyG's example, which drops what is larger.
DROPPED_ABOVE = 150
# A data set with a graph above is padded batch by batch, and has at most so many clusters.
HUGE_NODES, MOST_CLUSTERS = 1000, 100


class GraphSet(InMemoryDataset):
    """A data set of given graphs."""

    def __init__(
        self, graphs: Sequence[Data], transform: Callable[[Data], Data] | None = None
    ) -> None:
        super().__init__(transform=transform)
        self.data, self.slices = self.collate(list(graphs))
        # PyG keeps what it has once cut out; only the first epoch would pay for it.
        for number in range(len(self)):
            self.get(number)


class EpochData(NamedTuple):
    """Graphs with features and classes, and the clusters that networks on them have.

    Attributes:
        graphs: Graphs with ``x``, ``edge_index`` and ``y``.
        largest: Nodes of the largest graph.
        num_classes: Number of classes.
        clusters: Clusters of both poolings.
    """

    graphs: list[Data]
    largest: int
    num_classes: int
    clusters: list[int]

    @property
    def num_features(self) -> int:
        """Size of each node's features."""
        return int(self.graphs[0].x.size(1))

    @property
    def huge(self) -> bool:
        """Whether padding every graph to the largest is out of the question."""
        return self.largest > HUGE_NODES

    def with_graphs(self, graphs: list[Data]) -> EpochData:
        """Return other graphs of the same classes, with the clusters that follow from them."""
        largest = max(graph.num_nodes for graph in graphs)
        return EpochData(graphs, largest, self.num_classes, number_of_clusters(largest))

    def small(self) -> EpochData | None:
        """Return the graphs that PyG's example keeps, or None if it keeps all (or none)."""
        kept = [graph for graph in self.graphs if graph.num_nodes <= DROPPED_ABOVE]
        if len(kept) in (0, len(self.graphs)):
            return None
        return self.with_graphs(kept)


def number_of_clusters(largest: int) -> list[int]:
    """Return 25 % of the largest graph, and 25 % of that; at most 100 where graphs are huge."""
    if largest > HUGE_NODES:
        first = min(MOST_CLUSTERS, DiffPoolNet.clusters(largest, RATIO, 1)[0])
        return [first, *DiffPoolNet.clusters(first, RATIO, NUM_POOLS - 1)]
    return DiffPoolNet.clusters(largest, RATIO, NUM_POOLS)


def load_epoch_data(name: str) -> EpochData:
    """Return a TU data set; degrees are the features where it has none.

    Raises:
        AbsentDataError: If the data are neither cached nor to be had.
    """
    dataset = read_graphs(name)
    x = node_features(dataset, torch.arange(len(dataset)))
    sizes = [data.num_nodes for data in dataset]
    features = torch.split(x, sizes)
    graphs = [
        Data(x=rows.clone(), edge_index=data.edge_index, y=data.y.view(1))
        for data, rows in zip(dataset, features, strict=True)
    ]
    largest = max(sizes)
    return EpochData(graphs, largest, dataset.num_classes, number_of_clusters(largest))
