"""Times of both backends over a grid of sizes, and the rule between them fitted to the times."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial

import torch

from benchmarks.records.rows import ResultLines
from benchmarks.timing.backend_fit import Constants, fit, judge
from benchmarks.timing.batches import tree_like
from benchmarks.timing.rivals import UNDIRECTED, all_of, ours_without_losses
from benchmarks.timing.turns import summary, take_turns
from benchmarks.timing.works import Row, Work
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


def sweep(seed: int, quick: bool, lines: ResultLines) -> Iterator[Work]:
    """Yield one work a point of the grid, then one for the constants that fit their rows best.

    ``stretch`` is the largest graph's size over the mean. Points are skipped whose padded batch is
    out of proportion, or whose largest graph would leave the others without nodes.
    """
    grid = itertools.product(*(QUICK_GRID if quick else GRID).values())
    rounds = 3 if quick else ROUNDS
    for number, (graphs, mean_nodes, stretch, clusters, features) in enumerate(grid):
        padded_entries = graphs * mean_nodes * stretch * (features + 2 * clusters)
        if padded_entries <= MOST_PADDED_ENTRIES and graphs >= stretch:
            sizes = _sizes(graphs, mean_nodes, stretch)
            run = partial(point_rows, sizes, clusters, features, seed, rounds)
            yield Work(f"point {number}", run)
    yield Work("constants", lambda: constants_rows(lines.rows))


def point_rows(
    sizes: torch.Tensor, clusters: int, features: int, seed: int, rounds: int
) -> list[Row]:
    """Time both backends on graphs of given sizes; return one row."""
    problem = tree_like(sizes, seed, num_clusters=clusters, num_features=features)
    steps = {name: all_of(ours_without_losses(UNDIRECTED, name), [problem]) for name in CHOICES}
    times = take_turns(steps, rounds, SECONDS)
    graphs, device = sizes.numel(), problem.batch.device
    runs: Segments = segments(problem.batch.numel(), problem.batch, graphs, None, device, False)
    row = {
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
    return [row]


def constants_rows(rows: list[Row]) -> list[Row]:
    """Return one row: the library's constants and those that fit the rows best, with regrets."""
    found = {"library": judge(rows, Constants.of_library()), "fitted": fit(rows)}
    row = {
        f"{name}_constants": result.constants._asdict()
        | {"mean_regret": result.mean, "worst_regret": result.worst}
        for name, result in found.items()
    }
    return [row]


def _sizes(graphs: int, mean_nodes: int, stretch: int) -> torch.Tensor:
    """Return sizes of which one is the largest and the others equal, with the mean asked for."""
    largest = mean_nodes * stretch
    rest = (graphs * mean_nodes - largest) // max(graphs - 1, 1)
    sizes = torch.full((graphs,), max(rest, 2))
    sizes[0] = largest
    return sizes
