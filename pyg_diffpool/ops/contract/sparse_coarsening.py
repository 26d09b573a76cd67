r"""The contractions of a sparse level with a sparse assignment, as sparse matrices."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.assignments.sparse import SparseAssignment
from pyg_diffpool.ops.contract.distance import squared_norms
from pyg_diffpool.ops.contract.outer_products import entries_of_graphs
from pyg_diffpool.ops.contract.sparse_graphs import SparseGraphs
from pyg_diffpool.ops.edge_order import stable_order
from pyg_diffpool.ops.segments import Segments
from pyg_diffpool.ops.sparse_matrix import Pattern, make_pattern


class ClusterMatrix(NamedTuple):
    """A sparse matrix between the clusters of each graph, in float64.

    Attributes:
        value: Value of each entry.
        pattern: Target (row) and source (column) of each entry.
        clusters: The graphs of the clusters.
    """

    value: Tensor
    pattern: Pattern
    clusters: Segments

    def trace(self) -> Tensor:
        """Return the trace of each graph's matrix."""
        on_diagonal = self.pattern.row == self.pattern.col
        return self.sum(self.value * on_diagonal)

    def diagonal(self) -> Tensor:
        """Return the diagonal, one value for each cluster."""
        row = self.pattern.row
        on_diagonal = self.value * (row == self.pattern.col)
        return self.value.new_zeros(self.pattern.num_rows).index_add(0, row, on_diagonal)

    def squared_norm(self) -> Tensor:
        """Return the squared Frobenius norm of each graph's matrix."""
        return self.sum(self.value.square())

    def adjacency(self, dtype: torch.dtype, undirected: bool) -> Adjacency:
        """Return the matrix as the adjacency of the next level."""
        pattern = self.pattern
        transposed = None if undirected else stable_order(pattern.col, pattern.num_cols)
        return Adjacency(
            pattern.rowptr,
            pattern.col,
            pattern.row,
            self.value.to(dtype),
            undirected=undirected,
            transposed=transposed,
            coalesced=True,
        )

    @property
    def graph(self) -> Tensor:
        """Graph of each entry."""
        return self.clusters.batch.index_select(0, self.pattern.row)

    def sum(self, values: Tensor) -> Tensor:
        """Sum values of entries over each graph."""
        return values.new_zeros(self.clusters.batch_size).index_add(0, self.graph, values)


def pooled_adjacency(level: SparseGraphs, s: SparseAssignment) -> ClusterMatrix:
    r"""Return :math:`\mathbf{S}^{\top} \mathbf{A} \mathbf{S}`."""
    adjacency = level.adjacency
    edges = Pattern(adjacency.rowptr, adjacency.target, adjacency.col, adjacency.num_nodes)
    return _cluster_matrix(edges, adjacency.weight, s)


def gram_matrix(s: SparseAssignment) -> ClusterMatrix:
    r"""Return :math:`\mathbf{S}^{\top} \mathbf{S}`."""
    num_nodes = s.pattern.num_rows
    node = torch.arange(num_nodes + 1, device=s.device)
    return _cluster_matrix(Pattern(node, node[:-1], node[:-1], num_nodes), None, s)


def squared_distances(level: SparseGraphs, adj: ClusterMatrix, gram: ClusterMatrix) -> Tensor:
    r"""Return :math:`\lVert \mathbf{A} - \mathbf{S} \mathbf{S}^{\top} \rVert_F^2` of each graph.

    All three terms are in float64, as are the products behind them: see
    :mod:`pyg_diffpool.ops.contract.distance`.
    """
    norms = squared_norms(level.adjacency, level.graphs)
    return norms - 2 * adj.trace() + gram.squared_norm()


def _cluster_matrix(edges: Pattern, weight: Tensor | None, s: SparseAssignment) -> ClusterMatrix:
    """Compute each graph's matrix in the way that is expected to be faster."""
    clusters = s.clusters
    keys, value = entries_of_graphs(edges, weight, s)
    sizes = clusters.sizes
    first = torch.cat([sizes.new_zeros(1), sizes.square().cumsum(0)])
    graph = torch.searchsorted(first, keys, right=True) - 1
    place, size = keys - first[graph], sizes[graph]
    row = clusters.ptr[graph] + torch.div(place, size, rounding_mode="floor")
    col = clusters.ptr[graph] + place % size
    pattern = make_pattern(row, col, *[clusters.batch.numel()] * 2)
    return ClusterMatrix(value, pattern, clusters)
