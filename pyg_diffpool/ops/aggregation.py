r"""Aggregation over the edges of a level, with weights divided once for all layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.level.dense import mask_adjacency
from pyg_diffpool.ops.precision import accumulation_dtype
from pyg_diffpool.ops.sparse_product import edge_products, plain_product, spmm


class Aggregation(Protocol):
    r"""A matrix :math:`\mathbf{M}` that sums or averages the features of each node's neighbours.

    Features are :math:`(M, F)`, those of a dense level flattened. Only :meth:`plain_product`
    records a gradient.

    Attributes:
        values: The entries of :math:`\mathbf{M}`, which may need a gradient.
    """

    values: Tensor

    @property
    def product(self) -> Callable[[Tensor], Tensor]:
        r"""A function that returns :math:`\mathbf{M} \mathbf{X}`."""

    def transposed_product(self, rows: Tensor) -> Tensor:
        r"""Return :math:`\mathbf{M}^{\top} \mathbf{X}`."""

    def gradient_of_values(self, grad: Tensor, rows: Tensor) -> Tensor:
        r"""Return the gradient of the values, given that of :math:`\mathbf{M} \mathbf{X}`."""

    def plain_product(self, values: Tensor, rows: Tensor) -> Tensor:
        r"""Return :math:`\mathbf{M} \mathbf{X}` with operations that have all derivatives."""


class SparseAggregation:
    """Aggregation over prepared edges.

    Args:
        adjacency: The edges.
        aggr: ``mean`` or ``sum``.
        dtype: Dtype of the features.
    """

    def __init__(self, adjacency: Adjacency, aggr: str, dtype: torch.dtype):
        weight = adjacency.weight
        if weight is None:
            weight = torch.ones(adjacency.col.shape, dtype=dtype, device=adjacency.col.device)
        inverse = None
        if aggr == "mean":
            inverse = inverse_or_zero(weight_sums(adjacency, dtype))
        self.values = _divided(weight.to(dtype), inverse, adjacency.target)
        self._matrix = adjacency._replace(weight=self.values.detach())
        self.product = partial(spmm, self._matrix)
        # A mean is not symmetric; if its edges are, the transpose needs no sorting.
        self._undivided = adjacency, weight.detach().to(dtype), inverse
        self._transposed: Adjacency | None = None

    def transposed_product(self, rows: Tensor) -> Tensor:
        """See :class:`Aggregation`."""
        if self._transposed is None:
            adjacency, weight, inverse = self._undivided
            if adjacency.undirected:
                inverse = None if inverse is None else inverse.detach()
                weight = _divided(weight, inverse, adjacency.col)
                self._transposed = adjacency._replace(weight=weight)
            else:
                self._transposed = self._matrix.transpose()
        return spmm(self._transposed, rows)

    def gradient_of_values(self, grad: Tensor, rows: Tensor) -> Tensor:
        """See :class:`Aggregation`."""
        return edge_products(self._matrix, rows, grad)

    def plain_product(self, values: Tensor, rows: Tensor) -> Tensor:
        """See :class:`Aggregation`."""
        return plain_product(self._matrix._replace(weight=values), rows)


class DenseAggregation:
    """Aggregation over the adjacency matrices of a dense level.

    Args:
        adj: Adjacency matrices (B, N, N).
        mask: Which rows are nodes (B, N), or None for all.
        aggr: ``mean`` or ``sum``.
        dtype: Dtype of the features.
    """

    def __init__(self, adj: Tensor, mask: Tensor | None, aggr: str, dtype: torch.dtype):
        # As A; products take its transpose as a view.
        self.values = divided_matrices(mask_adjacency(adj, mask), aggr, dtype)
        self._matrices = self.values.detach()

    def product(self, rows: Tensor) -> Tensor:
        """See :class:`Aggregation`."""
        return torch.bmm(self._matrices.transpose(1, 2), self._by_graph(rows)).view_as(rows)

    def transposed_product(self, rows: Tensor) -> Tensor:
        """See :class:`Aggregation`."""
        return torch.bmm(self._matrices, self._by_graph(rows)).view_as(rows)

    def gradient_of_values(self, grad: Tensor, rows: Tensor) -> Tensor:
        """See :class:`Aggregation`."""
        return torch.bmm(self._by_graph(rows), self._by_graph(grad).transpose(1, 2))

    def plain_product(self, values: Tensor, rows: Tensor) -> Tensor:
        """See :class:`Aggregation`."""
        return (values.transpose(1, 2) @ self._by_graph(rows)).reshape(rows.shape)

    def _by_graph(self, rows: Tensor) -> Tensor:
        graphs, nodes = self._matrices.shape[:2]
        return rows.reshape(graphs, nodes, rows.size(-1))


def divided_matrices(adj: Tensor, aggr: str, dtype: torch.dtype) -> Tensor:
    """Return adjacency matrices (B, N, N), divided by the sums of incoming weights for a mean."""
    if aggr == "mean":
        total = adj.sum(1, keepdim=True, dtype=accumulation_dtype(adj.dtype)).to(dtype)
        adj = adj.to(dtype) * inverse_or_zero(total)
    return adj.to(dtype)


def inverse_or_zero(total: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Return reciprocals; a total of zero gives zero and no gradient.

    The weights of an unused cluster sum to nearly zero. The derivative of a mean is the reciprocal
    of this sum, and derivatives overflow if the sum is below the square root of the smallest normal
    number: such sums are treated as zero.

    Args:
        total: Sums of weights.
        dtype: Dtype in which derivatives must not overflow. (default: that of the sums)
    """
    zero = total.abs() <= torch.finfo(dtype or total.dtype).tiny ** 0.5
    return total.masked_fill(zero, 1.0).reciprocal().masked_fill(zero, 0.0)


def weight_sums(adjacency: Adjacency, dtype: torch.dtype) -> Tensor:
    """Return the sum of the weights of each node's incoming edges (N)."""
    if adjacency.weight is None:
        return adjacency.rowptr.diff().to(dtype)
    return summed_weights(adjacency.weight, adjacency.target, adjacency.num_nodes, dtype)


def summed_weights(weight: Tensor, target: Tensor, num_nodes: int, dtype: torch.dtype) -> Tensor:
    """Return the sum of the weights at each target (N), in a dtype."""
    wide = weight.to(accumulation_dtype(weight.dtype, dtype))
    return wide.new_zeros(num_nodes).index_add(0, target, wide).to(dtype)


def _divided(weight: Tensor, inverse: Tensor | None, node: Tensor) -> Tensor:
    """Multiply the weight of each edge by the reciprocal of one of its nodes."""
    return weight if inverse is None else weight * inverse.index_select(0, node)
