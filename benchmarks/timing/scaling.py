"""The sizes that the scaling benchmark goes through, and the measurement of one of them."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch

from benchmarks.timing.batches import Problem, random_graphs
from benchmarks.timing.coarsen import measure_alone
from benchmarks.timing.limited_process import run_limited
from benchmarks.timing.rivals import OURS, PYG, TGP
from benchmarks.timing.works import Row

RIVALS = (OURS, PYG, TGP[1])
EDGES_PER_NODE = 5
# A point is run again until so many seconds have passed.
SECONDS = 2.0


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
    return random_graphs(point.graphs, point.nodes, point.edges, point.clusters, seed)


def point_rows(
    contender: str, point: Point, seed: int, device: str, memory_gib: float, limit: float
) -> list[Row]:
    """Measure a contender at a point in a process of its own, of so much memory and time."""
    make = partial(make_point, point, seed)
    arguments = (contender, make, torch.get_num_threads(), device, memory_gib, SECONDS)
    outcome = run_limited(measure_alone, arguments, memory_gib, limit)
    result = {"died": outcome.died} if outcome.died else outcome.value
    shared = {"contender": contender, "memory_limit_gib": round(memory_gib, 1)}
    return [{**shared, **point._asdict(), **result}]
