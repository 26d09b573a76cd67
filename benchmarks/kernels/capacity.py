"""What a kernel will take, told before it is computed, and the refusal of what cannot fit."""

from typing import NamedTuple

import numpy as np
import psutil

from benchmarks.kernels.graphs import LabelledGraphs
from benchmarks.kernels.weisfeiler_lehman import ITERATIONS
from benchmarks.spec.errors import UsageError

_GIB = 2**30
_REAL = 8
_MATRICES = 4
"""Matrices of all pairs of graphs in memory at once: a sum, a part, its cosines, a block."""


class Cost(NamedTuple):
    """Memory and time of a kernel's Gram matrices on one process, from sizes alone.

    The constants were measured on ENZYMES, PROTEINS, DD and COLLAB; expect a factor of two.
    """

    gib: float
    seconds: float


def weisfeiler_lehman_cost(graphs: LabelledGraphs) -> Cost:
    """Estimate GraKeL's refinement (dictionaries, strings) and the sparse products."""
    nodes, edges = len(graphs.labels), graphs.adjacency.nnz
    number = graphs.num_graphs
    memory = 1500 * nodes + 60 * edges + _MATRICES * _REAL * number**2
    seconds = 3e-6 * max(ITERATIONS) * (nodes + edges)
    seconds += 2e-9 * nodes * number + 1e-8 * len(ITERATIONS) * number**2
    return Cost(memory / _GIB, seconds)


def shortest_path_cost(graphs: LabelledGraphs) -> Cost:
    """Estimate one search from each node, and the products of (label, label, distance)."""
    sizes, labels = graphs.sizes.astype(np.float64), _labels_of_graphs(graphs).astype(np.float64)
    features = float(np.minimum(15 * labels**2, sizes**2 / 8).sum())
    seconds = 8e-9 * float(sizes @ _edges_of_graphs(graphs)) + 1.6e-7 * float(sizes @ sizes)
    return _counted(graphs, features, seconds)


def graphlet_cost(graphs: LabelledGraphs) -> Cost:
    """Estimate the pairs of edges that may close a triangle, and the products of types."""
    degrees = np.diff(graphs.adjacency.indptr).astype(np.float64)
    features = 0.2 * float((_labels_of_graphs(graphs).astype(np.float64) ** 3).sum())
    features = min(features, float((degrees**2).sum()))
    return _counted(graphs, features, 1e-8 * float((degrees**2).sum()))


def refuse_above_memory(
    dataset: str, method: str, graphs: LabelledGraphs, cost: Cost, *, cached: bool, jobs: int = 1
) -> None:
    """Raise before anything is computed if the Gram matrices or the SVMs would not fit.

    Args:
        dataset: Name of the data set.
        method: Name of the kernel.
        graphs: The graphs.
        cost: The estimate for its Gram matrices.
        cached: Whether these are on disk already.
        jobs: Number of processes that will each train on one fold. (default: :obj:`1`)
    """
    available = available_gib()
    # Each process holds the matrix of its training part and that of one inner training part.
    training = 2.0 * _REAL * graphs.num_graphs**2 / _GIB
    advice = "run it where there is more memory, or take a smaller data set"
    if not cached and cost.gib > available:
        raise UsageError(
            f"--method {method}: the Gram matrices of {graphs.num_graphs} graphs of {dataset} "
            f"would take about {cost.gib:.1f} GiB and {_time(cost.seconds)}, and "
            f"{available:.1f} GiB are available; {advice}"
        )
    if jobs * training > available:
        fewer = int(available / training)
        raise UsageError(
            f"--method {method}: {jobs} processes would take {training:.1f} GiB each for the SVMs "
            f"of {dataset}, and {available:.1f} GiB are available; "
            + (f"use --jobs {fewer}" if fewer > 0 else advice)
        )


def available_gib() -> float:
    """Return the memory that is available now."""
    return float(psutil.virtual_memory().available) / _GIB


def _counted(graphs: LabelledGraphs, features: float, seconds: float) -> Cost:
    number = graphs.num_graphs
    memory = 64 * features + _MATRICES * _REAL * number**2 + 40 * graphs.adjacency.nnz
    return Cost(memory / _GIB, 2e-3 * number + seconds + 2.5e-9 * features * number)


def _edges_of_graphs(graphs: LabelledGraphs) -> np.ndarray:
    return np.diff(graphs.adjacency.indptr[graphs.offsets])


def _labels_of_graphs(graphs: LabelledGraphs) -> np.ndarray:
    """Return how many labels occur in each graph."""
    graph_of_node = np.arange(graphs.num_graphs).repeat(graphs.sizes)
    pairs = np.unique(graph_of_node * graphs.num_labels + graphs.labels)
    return np.bincount(pairs // max(1, graphs.num_labels), minlength=graphs.num_graphs)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
