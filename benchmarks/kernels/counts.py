"""Feature counts of each graph, computed graph by graph in parallel and joined to one matrix."""

from collections.abc import Callable
from itertools import pairwise

import joblib
import numpy as np
from scipy import sparse

from benchmarks.kernels.gram import Report, silent
from benchmarks.kernels.graphs import IntArray, LabelledGraphs

Counts = tuple[IntArray, IntArray]
"""Codes of a graph's features, ascending, and how often each occurs."""
CountGraph = Callable[[IntArray, sparse.csr_array], Counts]
"""Counts the features of a graph with the given labels and adjacency."""

_DENSE_TABLE = 2**20


def count_matrix(
    graphs: LabelledGraphs,
    count: CountGraph,
    jobs: int = 1,
    report: Report = silent,
    what: str = "graphs",
) -> sparse.csr_array:
    """Return the counts of all graphs, ``[G, F]``, one column a code that occurs.

    Args:
        graphs: The graphs.
        count: Counts one graph's features; it travels to worker processes.
        jobs: Number of processes. (default: :obj:`1`)
        report: Told of the progress.
        what: What is counted, for ``report``.
    """
    bounds = _chunks(graphs, jobs)
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="2*n_jobs")
    counted: list[Counts] = []
    for part in parallel(
        joblib.delayed(_count_part)(graphs.part(first, stop), count) for first, stop in bounds
    ):
        counted += part
        report(what, len(counted), graphs.num_graphs)
    lengths = np.array([len(codes) for codes, _ in counted])
    codes = np.concatenate([codes for codes, _ in counted])
    values = np.concatenate([numbers for _, numbers in counted])
    del counted
    distinct, columns = np.unique(codes, return_inverse=True)
    rows = np.concatenate([[0], np.cumsum(lengths)])
    return sparse.csr_array(
        (values.astype(np.float64), columns, rows), shape=(len(lengths), len(distinct))
    )


def sum_by_code(codes: IntArray, weights: IntArray | None, num_codes: int) -> Counts:
    """Return the codes that occur and the sum of their weights (or how often they occur).

    Args:
        codes: Numbers from 0 to ``num_codes - 1``, repeated.
        weights: Weight of each, or :obj:`None` for 1 each; sums below 2⁵³ are exact.
        num_codes: Number of possible codes.
    """
    if num_codes <= max(_DENSE_TABLE, 4 * len(codes)):
        table = np.bincount(codes, weights)
        found = np.flatnonzero(table)
        return found.astype(np.int64), np.rint(table[found]).astype(np.int64)
    found, inverse = np.unique(codes, return_inverse=True)
    sums = np.rint(np.bincount(inverse, weights, minlength=len(found))).astype(np.int64)
    return found[sums != 0], sums[sums != 0]


def _count_part(graphs: LabelledGraphs, count: CountGraph) -> list[Counts]:
    return [count(*graphs.graph(number)) for number in range(graphs.num_graphs)]


def _chunks(graphs: LabelledGraphs, jobs: int) -> list[tuple[int, int]]:
    """Return ranges of graphs of about equal work, some dozens a process."""
    work = np.cumsum(graphs.sizes.astype(np.float64) ** 2)
    number = min(graphs.num_graphs, 32 * jobs)
    goals = work[-1] * np.arange(1, number) / number
    cuts = np.unique(np.concatenate([[0], np.searchsorted(work, goals), [graphs.num_graphs]]))
    return list(pairwise(cuts.tolist()))
