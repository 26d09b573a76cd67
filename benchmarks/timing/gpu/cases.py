"""Batches that backends are checked on: the tests' corner cases, and what kernels stumble over."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch_geometric.utils import coalesce

from benchmarks.timing.batches import Problem
from benchmarks.timing.oracle import Graphs, problems
from benchmarks.timing.rivals import PREPARED_EDGES, RAW, UNDIRECTED


class Case(NamedTuple):
    """A batch of graphs in float64 on the CPU, and the form of its edges."""

    problem: Problem
    form: str = RAW


def case_of(graphs: Graphs, seed: int = 0, form: str = RAW) -> Case:
    """Return a batch of the tests as the benches take it, with cotangents."""
    generator = torch.Generator().manual_seed(seed)
    clusters, features = graphs.logits.size(1), graphs.x.size(1)

    def normal(columns: int) -> torch.Tensor:
        shape = (graphs.batch_size, clusters, columns)
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    problem = Problem(
        x=graphs.x,
        logits=graphs.logits,
        edge_index=graphs.edge_index,
        shuffled=graphs.edge_index,
        batch=graphs.batch,
        batch_size=graphs.batch_size,
        grad_x=normal(features),
        grad_adj=normal(clusters),
        edge_weight=graphs.edge_weight,
    )
    return Case(problem, form)


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
    return case_of(graphs, seed, form)


def make_cases(seed: int, quick: bool) -> dict[str, Case]:
    """Return the named cases, the most telling first, then batches drawn at random."""
    chunks, small = (127, 128, 129, 0, 255, 256, 257, 3), tuple(range(20)) * 15
    cases = {
        "ragged, directed, weighted": make_case((0, 5, 1, 0, 17, 3, 0), 3, 5, seed, weights=True),
        "undirected EdgeIndex": make_case((9, 1, 30, 0, 14), 4, 7, seed, UNDIRECTED),
        "odd sizes, prepared": make_case((70, 0, 50, 129), 33, 65, seed, PREPARED_EDGES),
        "large between small": make_case((1500, 0, 129, 1, 40), 40, 64, seed, UNDIRECTED),
        "one cluster, one feature": make_case((9, 4), 1, 1, seed, weights=True),
        "sizes around a chunk": make_case(chunks, 8, 8, seed, weights=True),
        "many small graphs": make_case(small, 7, 9, seed, UNDIRECTED),
        "many clusters": make_case((40, 20), 130, 24, seed, weights=True),
        **{name: case_of(graphs) for name, graphs in problems().CORNER_CASES.items()},
    }
    for number in range(3 if quick else 12):
        generator = torch.Generator().manual_seed(1000 * seed + number)

        def draw(low: int, high: int, generator: torch.Generator = generator) -> int:
            return int(torch.randint(low, high, (1,), generator=generator))

        sizes = tuple(draw(0, 80) * draw(0, 2) for _ in range(draw(1, 9)))
        form = (RAW, UNDIRECTED, PREPARED_EDGES)[draw(0, 3)]
        weights = form == RAW and bool(draw(0, 2))
        cases[f"random {number}"] = make_case(
            sizes, draw(1, 70), draw(1, 70), seed + number, form, weights
        )
    return cases


def rounded(problem: Problem, dtype: torch.dtype) -> Problem:
    """Return a batch with inputs of a dtype; weights of half precision are float32."""
    weight = problem.edge_weight
    if weight is not None:
        weight = weight.to(torch.promote_types(dtype, torch.float32))
    return problem._replace(
        x=problem.x.to(dtype), logits=problem.logits.to(dtype), edge_weight=weight
    )
