"""Times of both backends over a grid of sizes, and the rule between them fitted to the times."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch_geometric import EdgeIndex

from benchmarks.timing.backend_fit import Constants, fit, judge
from benchmarks.timing.batches import Problem, tree_like
from benchmarks.timing.turns import summary, take_turns
from pyg_diffpool import coarsen
from pyg_diffpool.ops.backends import choose_backend
from pyg_diffpool.ops.segments import Segments, segments

GRID: dict[str, tuple[int, ...]] = {
    "graphs": (2, 8, 16, 32, 64, 128),
    "mean_nodes": (20, 50, 150, 400),
    "stretch": (1, 2, 4, 10),
    "clusters": (8, 32, 100),
    "features": (64,),
}
QUICK_GRID: dict[str, tuple[int, ...]] = {
    "graphs": (4, 32),
    "mean_nodes": (20,),
    "stretch": (1, 10),
    "clusters": (8,),
    "features": (16,),
}
CHOICES = ("padded", "ragged")  # what the rule chooses between
MOST_PADDED_ENTRIES = 1e7  # 40 MB in float32; beyond, padding that wastes much has lost already
ROUNDS, SECONDS = 15, 1.0  # of a point


def sweep(seed: int, quick: bool = False) -> Iterator[dict[str, Any]]:
    """Yield one row a point of the grid, then one with the constants that fit the rows best.

    ``stretch`` is the largest graph's size over the mean. Points are skipped whose padded batch is
    out of proportion, or whose largest graph would leave the others without nodes.
    """
    rows = []
    for row in _points(seed, quick):
        rows.append(row)
        yield row
    found = {"library": judge(rows, Constants.of_library()), "fitted": fit(rows)}
    yield {
        f"{name}_constants": result.constants._asdict()
        | {"mean_regret": result.mean, "worst_regret": result.worst}
        for name, result in found.items()
    }


def _points(seed: int, quick: bool) -> Iterator[dict[str, Any]]:
    grid = QUICK_GRID if quick else GRID
    for graphs, mean_nodes, stretch, clusters, features in itertools.product(*grid.values()):
        padded_entries = graphs * mean_nodes * stretch * (features + 2 * clusters)
        if padded_entries > MOST_PADDED_ENTRIES or graphs < stretch:
            continue
        sizes = _sizes(graphs, mean_nodes, stretch)
        problem = tree_like(sizes, seed, num_clusters=clusters, num_features=features)
        times = take_turns(
            {name: _step(problem, name) for name in CHOICES}, 3 if quick else ROUNDS, SECONDS
        )
        runs: Segments = segments(
            problem.batch.numel(), problem.batch, graphs, None, problem.batch.device, False
        )
        yield {
            "graphs": graphs,
            "nodes": int(sizes.sum()),
            "mean_nodes": round(float(sizes.double().mean()), 1),
            "largest": int(sizes.max()),
            "clusters": clusters,
            "features": features,
            "edges": problem.edge_index.size(1),
            "median_ms": {name: summary(timing)["median_ms"] for name, timing in times.items()},
            "chosen": choose_backend(runs, clusters, features + 2 * clusters),
        }


def _sizes(graphs: int, mean_nodes: int, stretch: int) -> torch.Tensor:
    """Return sizes of which one is the largest and the others equal, with the mean asked for."""
    largest = mean_nodes * stretch
    rest = (graphs * mean_nodes - largest) // max(graphs - 1, 1)
    sizes = torch.full((graphs,), max(rest, 2))
    sizes[0] = largest
    return sizes


def _step(problem: Problem, backend: str) -> Callable[[], object]:
    edge_index = EdgeIndex(problem.edge_index, sort_order="row", is_undirected=True)

    def run() -> object:
        x = problem.x.detach().requires_grad_()
        s = torch.softmax(problem.logits, -1).requires_grad_()
        out = coarsen(
            x, s, edge_index, batch=problem.batch, batch_size=problem.batch_size, backend=backend
        )
        objective = (out.x * problem.grad_x).sum() + ((out.adj + out.gram) * problem.grad_adj).sum()
        return torch.autograd.grad(objective, [x, s])

    return run
