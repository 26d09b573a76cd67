"""Batches that the coarsening benchmark runs on: real TU graphs and generated ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data
from torch_geometric.utils import coalesce, cumsum

from benchmarks.tu_dataset import load_dataset
from pyg_diffpool import Adjacency

FEATURES = 64
RATIO, MOST_CLUSTERS = 0.1, 100
REDDIT_LARGEST = 3700
REAL_BATCH_SIZES = {"ENZYMES": 32, "PROTEINS": 32, "DD": 20, "COLLAB": 32}
# Enough batches to meet the large graphs as often as an epoch does: padding costs by their squares.
NUM_REAL_BATCHES = 8


class Problem(NamedTuple):
    """What every contender gets, and the cotangents that every backward pass starts from.

    Attributes:
        x: Node features :math:`(N, F)`.
        logits: Assignment logits :math:`(N, K)`.
        edge_index: Edges of undirected graphs, sorted by row, grouped by graph.
        shuffled: The same edges in random order.
        batch: Graph of each node.
        batch_size: Number of graphs.
        grad_x: Cotangent of the pooled features :math:`(B, K, F)`.
        grad_adj: Cotangent of the pooled adjacency :math:`(B, K, K)`.
        adjacency: The edges as our operators share them, for contenders that prepare them.
    """

    x: Tensor
    logits: Tensor
    edge_index: Tensor
    shuffled: Tensor
    batch: Tensor
    batch_size: int
    grad_x: Tensor
    grad_adj: Tensor
    adjacency: Adjacency | None = None

    @property
    def sizes(self) -> Tensor:
        """Nodes of each graph."""
        return torch.bincount(self.batch, minlength=self.batch_size)


def make_problem(
    edge_index: Tensor,
    batch: Tensor,
    batch_size: int,
    seed: int,
    num_clusters: int | None = None,
    num_features: int = FEATURES,
) -> Problem:
    """Draw features, logits and cotangents for the graphs of a batch.

    The number of clusters is 10 % of the largest graph (the ratio of the paper for one pooling), at
    most 100, for all contenders.
    """
    generator = torch.Generator().manual_seed(seed)
    edge_index = coalesce(edge_index.as_subclass(Tensor))
    if num_clusters is None:
        largest = int(torch.bincount(batch).max())
        num_clusters = min(max(math.ceil(RATIO * largest), 1), MOST_CLUSTERS)
    num_nodes, num_edges = batch.numel(), edge_index.size(1)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    return Problem(
        x=normal(num_nodes, num_features),
        logits=normal(num_nodes, num_clusters),
        edge_index=edge_index,
        shuffled=edge_index[:, torch.randperm(num_edges, generator=generator)],
        batch=batch,
        batch_size=batch_size,
        grad_x=normal(batch_size, num_clusters, num_features),
        grad_adj=normal(batch_size, num_clusters, num_clusters),
    )


def real_problems(name: str, seed: int) -> list[Problem]:
    """Return batches of random graphs of a TU data set.

    Raises:
        FileNotFoundError: If the data are neither cached nor to be had.
    """
    dataset = load_dataset(name)
    generator = torch.Generator().manual_seed(seed)
    size = REAL_BATCH_SIZES[name]
    chosen = torch.randperm(len(dataset), generator=generator)[: NUM_REAL_BATCHES * size]
    problems = []
    for index in chosen.split(size):
        graphs = [
            Data(edge_index=data.edge_index, num_nodes=data.num_nodes) for data in dataset[index]
        ]
        batch = Batch.from_data_list(graphs)
        problems.append(make_problem(batch.edge_index, batch.batch, batch.num_graphs, seed))
    return problems


def reddit_like(
    seed: int, num_graphs: int = 20, largest: int = REDDIT_LARGEST, mean_rest: float = 330.0
) -> list[Problem]:
    """Return one batch of discussion threads: trees with hubs, a few extra edges, one huge graph.

    The other sizes are log-normal, so that a batch of 20 has about 500 nodes a graph.
    """
    generator = torch.Generator().manual_seed(seed)
    spread = 0.8
    rest = torch.randn(num_graphs - 1, generator=generator) * spread - spread**2 / 2
    rest = (rest.exp() * mean_rest).long().clamp(min=5, max=largest)
    sizes = torch.cat([rest[: num_graphs // 2], torch.tensor([largest]), rest[num_graphs // 2 :]])
    return [tree_like(sizes, seed)]


def tree_like(
    sizes: Tensor,
    seed: int,
    extra_edges: float = 0.15,
    num_clusters: int | None = None,
    num_features: int = FEATURES,
) -> Problem:
    """Return trees of the given sizes whose early nodes are hubs, with some edges more."""
    generator = torch.Generator().manual_seed(seed)
    batch = torch.arange(sizes.numel()).repeat_interleave(sizes)
    first = cumsum(sizes)[:-1][batch]
    place = torch.arange(batch.numel()) - first

    def earlier(nodes: Tensor) -> Tensor:
        # The cube crowds answers onto a thread's first posts.
        drawn = torch.rand(nodes.numel(), generator=generator) ** 3
        return first[nodes] + (drawn * place[nodes]).long()

    replies = (place > 0).nonzero().flatten()
    chosen = torch.rand(replies.numel(), generator=generator) < extra_edges
    source = torch.cat([replies, replies[chosen]])
    target = earlier(source)
    edge_index = torch.stack([torch.cat([source, target]), torch.cat([target, source])])
    return make_problem(edge_index, batch, sizes.numel(), seed, num_clusters, num_features)


def large_graph(seed: int, num_nodes: int = 100_000, mean_degree: int = 5) -> list[Problem]:
    """Return a single random graph with 64 features and 64 clusters."""
    generator = torch.Generator().manual_seed(seed)
    half = torch.randint(num_nodes, (2, num_nodes * mean_degree // 2), generator=generator)
    half = half[:, half[0] != half[1]]
    edge_index = torch.cat([half, half.flip(0)], 1)
    batch = torch.zeros(num_nodes, dtype=torch.long)
    return [make_problem(edge_index, batch, 1, seed, num_clusters=64)]


def _real(name: str) -> Callable[[int], list[Problem]]:
    return lambda seed: real_problems(name, seed)


PROBLEMS: dict[str, Callable[[int], list[Problem]]] = {
    **{name: _real(name) for name in REAL_BATCH_SIZES},
    "REDDIT-like": reddit_like,
}
