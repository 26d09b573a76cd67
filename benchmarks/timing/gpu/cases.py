"""Batches that backends are checked on: the tests' corner cases, and what kernels stumble over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.utils import coalesce

from benchmarks.timing.oracle import Graphs, problems
from pyg_diffpool import Adjacency, prepare_adjacency

# How edges are handed over: as they were drawn, declared undirected, or prepared once.
RAW, EDGE_INDEX, PREPARED = "raw edge_index", "undirected EdgeIndex", "prepared adjacency"


class Case(NamedTuple):
    """A batch of graphs in float64 on the CPU, and the form of its edges."""

    graphs: Graphs
    form: str = RAW

    def edges_on(self, device: str) -> Tensor | EdgeIndex | Adjacency:
        """Return the edges in the case's form."""
        edge_index: Tensor = self.graphs.edge_index.to(device)
        if self.form == RAW:
            return edge_index
        size = (self.graphs.num_nodes, self.graphs.num_nodes)
        declared = EdgeIndex(edge_index, sparse_size=size, sort_order="row", is_undirected=True)
        return prepare_adjacency(declared) if self.form == PREPARED else declared

    def on(self, device: str) -> dict[str, Any]:
        """Return the edges and graphs as the library's functions take them."""
        return {
            "edge_index": self.edges_on(device),
            "batch": self.graphs.batch.to(device),
            "batch_size": self.graphs.batch_size,
        }


def make_case(
    sizes: tuple[int, ...],
    num_clusters: int,
    num_features: int,
    seed: int,
    form: str = RAW,
    weights: bool = False,
) -> Case:
    """Draw a batch: raw edges are directed and shuffled, with self-loops and some of them twice.

    Args:
        sizes: Nodes of each graph.
        num_clusters: Columns of the assignment.
        num_features: Columns of the features.
        seed: Of everything drawn.
        form: How the edges are handed over; declared or prepared ones are undirected and sorted.
        weights: Whether edges have signed weights (raw edges only).
    """
    raw = form == RAW
    graphs = problems().make_problem(
        sizes,
        num_clusters=num_clusters,
        num_features=num_features,
        edges_per_node=2.5,
        directed=raw,
        duplicates=raw,
        weights="signed" if weights else "none",
        seed=seed,
    )
    if not raw:
        graphs = replace(graphs, edge_index=coalesce(graphs.edge_index))
    return Case(graphs, form)


def make_cases(seed: int, quick: bool) -> dict[str, Case]:
    """Return the named cases, the most telling first, then batches drawn at random."""
    chunks, small = (127, 128, 129, 0, 255, 256, 257, 3), tuple(range(20)) * 15
    cases = {
        "ragged, directed, weighted": make_case((0, 5, 1, 0, 17, 3, 0), 3, 5, seed, weights=True),
        "undirected EdgeIndex": make_case((9, 1, 30, 0, 14), 4, 7, seed, EDGE_INDEX),
        "odd sizes, prepared": make_case((70, 0, 50, 129), 33, 65, seed, PREPARED),
        "large between small": make_case((1500, 0, 129, 1, 40), 40, 64, seed, EDGE_INDEX),
        "one cluster, one feature": make_case((9, 4), 1, 1, seed, weights=True),
        "sizes around a chunk": make_case(chunks, 8, 8, seed, weights=True),
        "many small graphs": make_case(small, 7, 9, seed, EDGE_INDEX),
        "many clusters": make_case((40, 20), 130, 24, seed, weights=True),
        **{name: Case(graphs) for name, graphs in problems().CORNER_CASES.items()},
    }
    for number in range(3 if quick else 12):
        generator = torch.Generator().manual_seed(1000 * seed + number)

        def draw(low: int, high: int, generator: torch.Generator = generator) -> int:
            return int(torch.randint(low, high, (1,), generator=generator))

        sizes = tuple(draw(0, 80) * draw(0, 2) for _ in range(draw(1, 9)))
        form = (RAW, EDGE_INDEX, PREPARED)[draw(0, 3)]
        weights = form == RAW and bool(draw(0, 2))
        cases[f"random {number}"] = make_case(
            sizes, draw(1, 70), draw(1, 70), seed + number, form, weights
        )
    return cases
