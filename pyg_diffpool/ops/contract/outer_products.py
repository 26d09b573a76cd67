r"""The entries of :math:`\mathbf{S}^{\top} \mathbf{A} \mathbf{S}` for a sparse assignment.

.. math::
    \mathbf{S}^{\top} \mathbf{A} \mathbf{S} = \sum_{u \to v} \mathbf{A}_{uv} \, \mathbf{s}_u
    \mathbf{s}_v^{\top}

has a summand for each pair of an entry of :math:`\mathbf{s}_u` and one of :math:`\mathbf{s}_v`, and
its cost is linear in these pairs: with one cluster for each node, in the edges. In a small graph
whose nodes have many clusters, a matrix product over the graph's :math:`n_g \times k_g` assignment
is faster, since a multiplication takes far less time there. The choice is made for each graph.

Keys number the entries of all graphs' matrices, row by row, where rows are targets:
:math:`\sum_{h < g} k_h^2 + b\, k_g + a` for the entry of source :math:`a` and target :math:`b` of
graph :math:`g`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from pyg_diffpool.ops.assignments.sparse import SparseAssignment
from pyg_diffpool.ops.grouping import group_keys
from pyg_diffpool.ops.pair_sums import pair_sums
from pyg_diffpool.ops.precision import exact
from pyg_diffpool.ops.sparse_matrix import Pattern, matrix_product
from pyg_diffpool.ops.transforms import transformed

# Time of a pair, and of the calls for a graph, in multiply-adds of a matrix product, fitted to the
# times of both ways on batches of DD on one core.
PAIR_COST = 200
# The same where a batch has more pairs than the processor's cache holds.
UNCACHED_PAIR_COST, CACHED_PAIRS = 500, 2**21
CALL_COST = 3_000_000
# Larger assignments of a graph are written out again in the backward pass instead of kept.
KEPT_ENTRIES = 2**18


def entries_of_graphs(
    edges: Pattern, weight: Tensor | None, s: SparseAssignment
) -> tuple[Tensor, Tensor]:
    r"""Return the keys and values of the entries, sorted by key, in float64.

    Entries are structural: those whose summands cancel are among them.

    Args:
        edges: Target (row) and source (column) of each edge, which connect nodes of one graph.
        weight: Weight of each edge. (default: all one)
        s: The assignment of the nodes.
    """
    graphs, sizes = s.nodes, s.clusters.sizes
    counts = s.pattern.counts
    pairs = counts.index_select(0, edges.row) * counts.index_select(0, edges.col)
    of_graph = graphs.batch.index_select(0, edges.row)
    pairs = torch.zeros_like(sizes).index_add(0, of_graph, pairs)
    cost = PAIR_COST if int(pairs.sum()) <= CACHED_PAIRS else UNCACHED_PAIR_COST
    multiplied = graphs.sizes * sizes.square() + CALL_COST < cost * pairs
    chosen = multiplied.nonzero().view(-1).tolist()
    weight = None if weight is None else exact(weight)
    if not chosen:
        return by_pairs(edges, weight, s)
    parts = [by_products(edges, weight, s, chosen)]
    if len(chosen) < graphs.batch_size:
        rest = (~multiplied).index_select(0, of_graph).nonzero().view(-1)
        others = edges._replace(row=edges.row[rest], col=edges.col[rest])
        parts.append(by_pairs(others, None if weight is None else weight[rest], s))
    keys, values = (torch.cat(part) for part in zip(*parts, strict=True))
    if len(parts) == 1:
        return keys, values
    keys, order = keys.sort()
    return keys, values.index_select(0, order)


def _first_keys(s: SparseAssignment) -> Tensor:
    sizes = s.clusters.sizes
    return torch.cat([sizes.new_zeros(1), sizes.square().cumsum(0)])


def by_pairs(edges: Pattern, weight: Tensor | None, s: SparseAssignment) -> tuple[Tensor, Tensor]:
    """Sum over each pair of an entry of an edge's source and one of its target."""
    pattern, value = s.pattern, exact(s.value)
    # Each edge with each entry of its source, and each of these with each entry of its target.
    edge, left = each_entry(pattern, edges.col)
    half = value.index_select(0, left)
    if weight is not None:
        half = half * weight.index_select(0, edge)
    middle, right = each_entry(pattern, edges.row.index_select(0, edge))

    first, sizes = _first_keys(s), s.clusters.sizes
    graph = s.nodes.batch.index_select(0, pattern.row)
    column = s.cluster
    row_start = first.index_select(0, graph) + column * sizes.index_select(0, graph)
    keys = row_start.index_select(0, right)
    keys += column.index_select(0, left).index_select(0, middle)
    found, entry = group_keys(keys, int(first[-1]))
    del keys
    return found, pair_sums(half, middle.int(), value, right.int(), entry, found.numel())


def each_entry(pattern: Pattern, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pairs of a position of a list of rows and an entry of the row there."""
    counts = pattern.counts.index_select(0, rows)
    position = torch.arange(rows.numel(), device=rows.device).repeat_interleave(counts)
    before = counts.cumsum(0) - counts
    shift = pattern.rowptr.index_select(0, rows) - before
    entry = torch.arange(position.numel(), device=rows.device) + shift.index_select(0, position)
    return position, entry


def by_products(
    edges: Pattern, weight: Tensor | None, s: SparseAssignment, chosen: list[int]
) -> tuple[Tensor, Tensor]:
    """Multiply matrices of some graphs, one graph after another."""
    parts = _parts(edges, weight, s)
    first = _first_keys(s).tolist()
    # Where all weights are positive, so are all entries; elsewhere, a product of ones tells them.
    signed = weight is not None and bool((weight <= 0).any())
    keys, values = [], []
    for graph in chosen:
        part = parts[graph]
        small = part.edges.num_rows * part.size <= KEPT_ENTRIES
        if small or transformed():
            matrix = part.multiply(part.value, part.weight)
        else:
            given = part.value, part.weight
            matrix = checkpoint(
                part.multiply, *given, use_reentrant=False, preserve_rng_state=False
            )
        known = matrix
        if signed:
            with torch.no_grad():
                known = part.multiply(*map(torch.ones_like, (part.value, part.weight)))
        here = (known != 0).flatten().nonzero().view(-1)
        keys.append(here + first[graph])
        values.append(matrix.flatten().index_select(0, here))
    return torch.cat(keys), torch.cat(values)


class _Part(NamedTuple):
    """The edges and the assignment of one graph, where nodes and clusters are counted from 0.

    Attributes:
        edges: Its edges.
        weight: Weight of each.
        place: Node and cluster of each entry of the assignment.
        value: Value of each.
        size: Number of clusters.
    """

    edges: Pattern
    weight: Tensor
    place: tuple[Tensor, Tensor]
    value: Tensor
    size: int

    def multiply(self, value: Tensor, weight: Tensor) -> Tensor:
        """Return the matrix for these values and weights, in which rows are targets."""
        matrix = value.new_zeros(self.edges.num_rows, self.size).index_put(self.place, value)
        return matrix.t() @ matrix_product(weight, matrix, self.edges)


def _parts(edges: Pattern, weight: Tensor | None, s: SparseAssignment) -> list[_Part]:
    ptr = s.nodes.ptr
    if weight is None:
        weight = exact(torch.ones(edges.col.numel(), device=s.device))
    nodes, held, owned = ptr.tolist(), s.pattern.rowptr[ptr].tolist(), edges.rowptr[ptr].tolist()
    values = torch.split(exact(s.value), [after - before for before, after in pairwise(held)])
    weights = torch.split(weight, [after - before for before, after in pairwise(owned)])
    column, parts = s.cluster, []
    for graph, size in enumerate(s.clusters.listed_sizes()):
        (start, stop), (first, last) = nodes[graph : graph + 2], owned[graph : graph + 2]
        own = Pattern(
            edges.rowptr[start : stop + 1] - first,
            edges.row[first:last] - start,
            edges.col[first:last] - start,
            stop - start,
        )
        entries = slice(*held[graph : graph + 2])
        place = s.pattern.row[entries] - start, column[entries]
        parts.append(_Part(own, weights[graph], place, values[graph], size))
    return parts
