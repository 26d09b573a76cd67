"""The sizes that the scaling benchmark goes through, and the measurement of one of them."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import psutil
import torch
from torch import Tensor

from benchmarks.coarsen.batches import Problem, make_problem, tree_like
from benchmarks.coarsen.contenders import CONTENDERS, OURS, PYG, TGP, forward_backward
from benchmarks.coarsen.measure import high_water_mark, reset_high_water_mark
from benchmarks.device import synchronise

RIVALS = (OURS, PYG, TGP[1])
EDGES_PER_NODE = 5
# A point is run again until so many seconds have passed, at most so often.
SECONDS, RUNS = 2.0, 9
# What takes longer is not run again to leave the first run, with its page faults, out.
WARMED_UP_BELOW = 10.0
MIB, GIB = 2**20, 2**30


class Point(NamedTuple):
    """A batch of equal random graphs.

    Attributes:
        axis: What is varied.
        size: Its value.
        graphs: Number of graphs.
        nodes: Nodes of a graph.
        edges: Directed edges of a graph, before the few duplicates and loops are left out.
        clusters: Clusters of a graph.
    """

    axis: str
    size: int
    graphs: int = 1
    nodes: int = 10_000
    edges: int = 50_000
    clusters: int = 32


NODES = (100, 316, 1_000, 3_162, 10_000, 31_623, 100_000, 316_228, 1_000_000)
EDGES = (10_000, 31_623, 100_000, 316_228, 1_000_000, 3_162_278, 10_000_000)
CLUSTERS = (4, 16, 64, 256, 1024)
GRAPHS = (1, 4, 16, 64, 256, 1024, 4096)

AXES: dict[str, tuple[Point, ...]] = {
    "nodes": tuple(Point("nodes", n, nodes=n, edges=EDGES_PER_NODE * n) for n in NODES),
    "edges": tuple(Point("edges", e, edges=e) for e in EDGES),
    "clusters": tuple(Point("clusters", k, clusters=k) for k in CLUSTERS),
    "graphs": tuple(Point("graphs", b, b, nodes=100, edges=500, clusters=10) for b in GRAPHS),
}
FIXED = {
    "nodes": "one graph, 5 edges a node, K = 32",
    "edges": "one graph of 10,000 nodes, K = 32",
    "clusters": "one graph of 10,000 nodes, 50,000 edges",
    "graphs": "graphs of 100 nodes, 500 edges, K = 10",
}


def make_point(point: Point, seed: int) -> Problem:
    """Return the random graphs of a point, with 64 features a node."""
    generator = torch.Generator().manual_seed(seed)
    graph = torch.arange(point.graphs).repeat_interleave(point.edges // 2)
    half = torch.randint(point.nodes, (2, graph.numel()), generator=generator)
    half = (half + graph * point.nodes)[:, half[0] != half[1]]
    batch = torch.arange(point.graphs).repeat_interleave(point.nodes)
    edge_index = torch.cat([half, half.flip(0)], 1)
    return make_problem(edge_index, batch, point.graphs, seed, point.clusters)


def on_device(problem: Problem, device: str) -> Problem:
    """Return the problem with all tensors on a device."""
    moved = {
        name: part.to(device)
        for name, part in problem._asdict().items()
        if isinstance(part, Tensor)
    }
    return problem._replace(**moved)


def measure_point(
    started: Callable[[], None],
    contender: str,
    point: Point,
    seed: int,
    threads: int,
    device: str,
    memory_gib: float,
) -> dict[str, Any]:
    """Time forward + backward of a contender and take its peak memory, for :func:`run_limited`.

    Memory is counted above what the process has once the graphs are there and a tiny problem has
    been run. The first run gives the peak, and only warms up if it is short.
    """
    # Beta warnings of torch, anew for each point.
    warnings.filterwarnings("ignore", category=UserWarning)
    torch.set_num_threads(threads)
    if device != "cpu":
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, memory_gib * GIB / total))
    problem = on_device(make_point(point, seed), device)
    tiny = tree_like(torch.tensor([4, 3]), seed=0, num_clusters=2, num_features=2)
    forward_backward(CONTENDERS[contender], on_device(tiny, device))
    started()
    peak = _Peak(device)
    times = [_timed(contender, problem, device)]
    peak_mib = peak.mib()
    if times[0] < WARMED_UP_BELOW:
        times = [_timed(contender, problem, device)]
    while sum(times) < SECONDS and len(times) < RUNS:
        times.append(_timed(contender, problem, device))
    return {
        "median_ms": 1e3 * statistics.median(times),
        "runs": len(times),
        "peak_mib": peak_mib,
        "edges_kept": problem.edge_index.size(1),
    }


def _timed(contender: str, problem: Problem, device: str) -> float:
    synchronise(device)
    began = time.perf_counter()
    forward_backward(CONTENDERS[contender], problem)
    synchronise(device)
    return time.perf_counter() - began


class _Peak:
    """How far memory rises from here on, on the device or in this process."""

    def __init__(self, device: str) -> None:
        self.on_gpu = device != "cpu"
        if self.on_gpu:
            torch.cuda.reset_peak_memory_stats()
            self.start = torch.cuda.memory_allocated()
        else:
            reset_high_water_mark()
            self.start = psutil.Process().memory_info().rss

    def mib(self) -> float:
        top = torch.cuda.max_memory_allocated() if self.on_gpu else high_water_mark()
        return float(max(top - self.start, 0)) / MIB
