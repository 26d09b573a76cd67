"""Exact counts of a graph's shortest paths by their end labels and length."""

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from benchmarks.kernels.counts import Counts, sum_by_code
from benchmarks.kernels.graphs import IntArray

_MAX_DISTANCES = 2**22


def shortest_path_counts(
    labels: IntArray, adjacency: sparse.csr_array, num_labels: int, max_nodes: int
) -> Counts:
    r"""Count ordered pairs of connected nodes :math:`u \ne v` by (label u, label v, distance).

    Args:
        labels: Label of each node, ``[n]``.
        adjacency: Symmetric, without loops, ``[n, n]``.
        num_labels: Number of labels of all graphs, which fixes the codes.
        max_nodes: Number of nodes of the largest graph, above every distance.

    Returns:
        Codes :math:`(a L + b) M + d` of labels a, b and distance d, ascending, and their counts.
    """
    number = len(labels)
    present, compact = np.unique(labels, return_inverse=True)
    # Codes of this graph's own labels and distances stay small enough for a table.
    num_codes = len(present) ** 2 * number
    weighted = adjacency.astype(np.float64)
    parts = []
    rows = max(1, _MAX_DISTANCES // max(1, number))
    for first in range(0, number, rows):
        sources = np.arange(first, min(first + rows, number))
        distances = csgraph.dijkstra(weighted, unweighted=True, indices=sources)
        source, target = np.nonzero(np.isfinite(distances) & (distances > 0))
        length = distances[source, target].astype(np.int64)
        ends = compact[sources[source]] * len(present) + compact[target]
        parts.append(sum_by_code(ends * number + length, None, num_codes))
    if not parts:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    codes, counts = sum_by_code(
        np.concatenate([codes for codes, _ in parts]),
        np.concatenate([counts for _, counts in parts]),
        num_codes,
    )
    ends, length = np.divmod(codes, max(1, number))
    low, high = np.divmod(ends, len(present))
    return (present[low] * num_labels + present[high]) * max_nodes + length, counts
