"""Exact counts of the connected labelled graphs of three nodes that a graph contains."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from scipy import sparse

from benchmarks.kernels.counts import Counts, sum_by_code
from benchmarks.kernels.graphs import IntArray

_MAX_PAIRS = 2**21
_MAX_DENSE = 2**24


def graphlet_counts(labels: IntArray, adjacency: sparse.csr_array, num_labels: int) -> Counts:
    r"""Count a graph's induced triangles and wedges (paths of three nodes) by their labels.

    A triangle's type is its three labels in ascending order, a wedge's its centre's label and the
    two end labels in ascending order. With :math:`h_v(a)` neighbours of label a, node v is the
    centre of :math:`h_v(a) h_v(b)` pairs of neighbours labelled :math:`a < b` and of
    :math:`h_v(a) (h_v(a) - 1) / 2` labelled a and a; each triangle closes three of these pairs,
    which are taken off again. No triple but a triangle is ever listed.

    Args:
        labels: Label of each node, ``[n]``.
        adjacency: Symmetric, without loops, ``[n, n]``.
        num_labels: Number of labels of all graphs, which fixes the codes.

    Returns:
        Codes of types, ascending, and their counts. Triangle :math:`a \le b \le c` has code
        :math:`(a L + b) L + c` with L labels in all, a wedge :math:`L^3` more, its centre first.
    """
    wedge = num_labels**3
    codes, weights = [], []
    for corners in _triangles(adjacency):
        first, second, third = np.sort(labels[corners], axis=0)
        codes.append((first * num_labels + second) * num_labels + third)
        weights.append(np.ones(len(first), dtype=np.int64))
        for centre, low, high in (
            (first, second, third),
            (second, first, third),
            (third, first, second),
        ):
            codes.append(wedge + (centre * num_labels + low) * num_labels + high)
            weights.append(np.full(len(first), -1))
        codes, weights = _joined(codes, weights, 2 * wedge)
    pairs, numbers = _neighbour_pairs(labels, adjacency, num_labels)
    codes.append(wedge + pairs)
    weights.append(numbers)
    return sum_by_code(np.concatenate(codes), np.concatenate(weights), 2 * wedge)


def _joined(
    codes: list[IntArray], weights: list[IntArray], num_codes: int
) -> tuple[list[IntArray], list[IntArray]]:
    """Sum up what there is so far: triangles are many, their types few."""
    found, sums = sum_by_code(np.concatenate(codes), np.concatenate(weights), num_codes)
    return [found], [sums]


def _neighbour_pairs(labels: IntArray, adjacency: sparse.csr_array, num_labels: int) -> Counts:
    """Return the codes of (centre's label, two neighbours' labels) and how many there are."""
    present, compact = np.unique(labels, return_inverse=True)
    number = len(present)
    one_hot = sparse.csr_array(
        (np.ones(len(labels)), (np.arange(len(labels)), compact)), shape=(len(labels), number)
    )
    neighbours = sparse.csr_array(adjacency.astype(np.float64) @ one_hot)
    # The same counts in columns (label of the centre, label of the neighbour).
    own_label = compact.repeat(np.diff(neighbours.indptr))
    by_centre = sparse.csr_array(
        (neighbours.data, own_label * number + neighbours.indices, neighbours.indptr),
        shape=(len(labels), number**2),
    )
    products = sparse.coo_array(by_centre.T @ neighbours)
    ends, high = products.coords
    centre, low = np.divmod(ends.astype(np.int64), number)
    pairs = products.data.copy()
    same = low == high
    pairs[same] = (pairs[same] - by_centre.sum(axis=0)[ends[same]]) / 2
    keep = (low <= high) & (pairs > 0)
    codes = (present[centre] * num_labels + present[low]) * num_labels + present[high]
    return codes[keep], np.rint(pairs[keep]).astype(np.int64)


def _triangles(adjacency: sparse.csr_array) -> Iterator[IntArray]:
    r"""Yield the node numbers of all triangles, each once, in blocks ``[3, t]``.

    Edges point from the node of lower degree to that of higher: out-degrees stay below
    :math:`\sqrt{2m}`, and so does the work for an edge (Chiba and Nishizeki 1985).
    """
    order = np.argsort(np.diff(adjacency.indptr), kind="stable")
    oriented = sparse.csr_array(sparse.triu(adjacency[order][:, order]))
    bounds, heads = oriented.indptr.astype(np.int64), oriented.indices
    out_degree = np.diff(bounds)
    for first, stop in _row_blocks(oriented):
        edges = slice(bounds[first], bounds[stop])
        middle = heads[edges]
        tail = np.arange(first, stop).repeat(out_degree[first:stop])
        lengths = out_degree[middle]
        edge_of_pair = np.arange(len(middle)).repeat(lengths)
        place = np.arange(len(edge_of_pair)) - (np.cumsum(lengths) - lengths)[edge_of_pair]
        last = heads[bounds[middle][edge_of_pair] + place]
        adjacent = oriented[first:stop].toarray() != 0
        closed = adjacent[tail[edge_of_pair] - first, last]
        edge = edge_of_pair[closed]
        if len(edge) > 0:
            yield order[np.stack([tail[edge], middle[edge], last[closed]])]


def _row_blocks(oriented: sparse.csr_array) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows with a bounded number of pairs of edges and a bounded dense form."""
    number = oriented.shape[0]
    if number == 0:
        return
    out_degree = np.diff(oriented.indptr).astype(np.int64)
    pairs = np.cumsum(oriented.astype(np.int64) @ out_degree)
    rows = max(1, _MAX_DENSE // number)
    block = pairs // _MAX_PAIRS + np.arange(number) // rows
    cuts = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), number]
    yield from pairwise(cuts)
