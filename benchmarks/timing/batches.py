"""Batches that coarsening is timed on: real TU graphs and generated ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data
from torch_geometric.utils import coalesce, cumsum

from benchmarks.data.registry import read_graphs
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
        max_num_nodes: Nodes of the largest graph, for contenders that are told.
        edge_weight: Weights of the edges, none for ones.
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
    max_num_nodes: int | None = None
    edge_weight: Tensor | None = None

    @property
    def sizes(self) -> Tensor:
        """Nodes of each graph."""
        return torch.bincount(self.batch, minlength=self.batch_size)

    @property
    def largest(self) -> int:
        """Nodes of the largest graph."""
        return int(self.sizes.max())

    def on(self, device: str) -> Problem:
        """Return the same with all tensors on a device."""
        moved = {
            name: value.to(device)
            for name, value in self._asdict().items()
            if isinstance(value, Tensor)
        }
        return self._replace(**moved)


def shape(problems: Sequence[Problem]) -> dict[str, Any]:
    """Return what a row says of its batches: sizes, edges, widths."""
    sizes = torch.cat([problem.sizes for problem in problems])
    return {
        "batches": len(problems),
        "graphs": problems[0].batch_size,
        "nodes": round(int(sizes.sum()) / len(problems), 1),
        "mean_nodes": round(float(sizes.double().mean()), 1),
        "largest": int(sizes.max()),
        "edges": sum(problem.edge_index.size(1) for problem in problems),
        "features": problems[0].x.size(1),
        "clusters": [problem.logits.size(1) for problem in problems],
    }


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
        AbsentDataError: If the data are neither cached nor to be had.
    """
    dataset = read_graphs(name)
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


def random_graphs(
    num_graphs: int, num_nodes: int, num_edges: int, num_clusters: int, seed: int
) -> Problem:
    """Return equal random graphs, with so many directed edges each before loops are left out."""
    generator = torch.Generator().manual_seed(seed)
    graph = torch.arange(num_graphs).repeat_interleave(num_edges // 2)
    half = torch.randint(num_nodes, (2, graph.numel()), generator=generator)
    half = (half + graph * num_nodes)[:, half[0] != half[1]]
    batch = torch.arange(num_graphs).repeat_interleave(num_nodes)
    edge_index = torch.cat([half, half.flip(0)], 1)
    return make_problem(edge_index, batch, num_graphs, seed, num_clusters)


def large_graph(seed: int, num_nodes: int = 100_000, mean_degree: int = 5) -> list[Problem]:
    """Return a single random graph with 64 features and 64 clusters."""
    return [random_graphs(1, num_nodes, num_nodes * mean_degree, 64, seed)]


@lru_cache(maxsize=2)
def large_ragged(
    seed: int, num_nodes: int, num_clusters: int = 64, num_features: int = 64
) -> Problem:
    """Return a batch of so many nodes in graphs of 500 on average, with log-normal sizes.

    Kept, since drawing a million nodes takes seconds.
    """
    mean_nodes, largest, spread = 500, 4000, 0.8
    generator = torch.Generator().manual_seed(seed)
    count = max(num_nodes // mean_nodes, 1)
    sizes = (torch.randn(count, generator=generator) * spread - spread**2 / 2).exp()
    sizes = (sizes * mean_nodes).long().clamp(min=1, max=largest)
    # To the node: the last graphs take what is missing, or give what is too much.
    missing = num_nodes - int(sizes.sum())
    for position in reversed(range(count)):
        before = int(sizes[position])
        sizes[position] = min(max(before + missing, 1), largest)
        missing -= int(sizes[position]) - before
    return tree_like(sizes, seed, num_clusters=num_clusters, num_features=num_features)


def narrowed(problem: Problem, num_clusters: int, num_features: int) -> Problem:
    """Return the same graphs with fewer clusters and features."""
    return problem._replace(
        x=problem.x[:, :num_features].contiguous(),
        logits=problem.logits[:, :num_clusters].contiguous(),
        grad_x=problem.grad_x[:, :num_clusters, :num_features].contiguous(),
        grad_adj=problem.grad_adj[:, :num_clusters, :num_clusters].contiguous(),
    )


def _real(name: str) -> Callable[[int], list[Problem]]:
    return lambda seed: real_problems(name, seed)


Problems = Callable[[int], list[Problem]]

PROBLEMS: dict[str, Problems] = {
    **{name: _real(name) for name in REAL_BATCH_SIZES},
    "REDDIT-like": reddit_like,
}
