r"""The neighbourhoods of a level's nodes, as prepared edges, as matrices, or as messages.

All three give weighted sums, sums of weights and maxima, of which
:func:`~pyg_diffpool.ops.moments.weighted_moments` makes every aggregation that has a closed form.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.aggregation import summed_weights, weight_sums
from pyg_diffpool.ops.grouping import starts_of_runs
from pyg_diffpool.ops.maximum import sparse_maximum
from pyg_diffpool.ops.precision import accumulated, accumulation_dtype, without_autocast
from pyg_diffpool.ops.sparse_product import sparse_product


class Neighbourhood(Protocol):
    """Which rows belong to each node, and what they weigh."""

    def to(self, dtype: torch.dtype) -> Neighbourhood:
        """Return the neighbourhoods with weights in a dtype, in which gradients add up."""

    def weighted_sum(self, rows: Tensor) -> Tensor:
        r"""Return :math:`\sum_u w_{uv} \mathbf{x}_u` for each node, in the dtype of the rows."""

    def total_weight(self, dtype: torch.dtype) -> Tensor:
        r"""Return :math:`\sum_u w_{uv}` for each node, summed and returned in a dtype."""

    def maximum(self, rows: Tensor) -> Tensor:
        """Return the maximum of the rows of nonzero weight, zero if there are none."""


class SparseNeighbourhood:
    """Prepared edges; rows are those of the nodes (N, F).

    Args:
        adjacency: The edges.
    """

    def __init__(self, adjacency: Adjacency):
        self.adjacency = adjacency

    def to(self, dtype: torch.dtype) -> SparseNeighbourhood:
        """See :class:`Neighbourhood`."""
        weight = self.adjacency.weight
        if weight is None:
            return self
        return SparseNeighbourhood(self.adjacency._replace(weight=weight.to(dtype)))

    def weighted_sum(self, rows: Tensor) -> Tensor:
        """See :class:`Neighbourhood`."""
        return sparse_product(self.adjacency, rows)

    def total_weight(self, dtype: torch.dtype) -> Tensor:
        """See :class:`Neighbourhood`."""
        return weight_sums(self.adjacency, dtype)

    def maximum(self, rows: Tensor) -> Tensor:
        """See :class:`Neighbourhood`."""
        adjacency = self.adjacency
        weight = adjacency.weight
        if weight is not None and not adjacency.coalesced:
            weight = _adjacent_totals(adjacency, weight)
        values = rows.index_select(0, adjacency.col)
        return _largest(values, adjacency.target, weight, adjacency.num_nodes)


class DenseNeighbourhood:
    """Adjacency matrices; rows are those of the nodes (B, N, F).

    Args:
        adj: Adjacency matrices (B, N, N), zero outside the mask.
    """

    def __init__(self, adj: Tensor):
        self.adj = adj

    def to(self, dtype: torch.dtype) -> DenseNeighbourhood:
        """See :class:`Neighbourhood`."""
        return DenseNeighbourhood(self.adj.to(dtype))

    def weighted_sum(self, rows: Tensor) -> Tensor:
        """See :class:`Neighbourhood`."""
        # Entries of a pooled adjacency count edges, and would overflow in half precision.
        with without_autocast(rows):
            return self.adj.transpose(1, 2).to(rows.dtype) @ rows

    def total_weight(self, dtype: torch.dtype) -> Tensor:
        """See :class:`Neighbourhood`."""
        return self.adj.sum(1, dtype=accumulation_dtype(self.adj.dtype, dtype)).to(dtype)

    def maximum(self, rows: Tensor) -> Tensor:
        """See :class:`Neighbourhood`."""
        apart = self.adj.transpose(1, 2) == 0
        candidates = rows.unsqueeze(1).masked_fill(apart.unsqueeze(-1), -torch.inf)
        out = candidates.amax(2) if rows.size(1) > 0 else rows
        return out.masked_fill(apart.all(2, keepdim=True), 0.0)


class MessageNeighbourhood:
    """Messages in any order; rows are those of the edges (E, F).

    Args:
        target: Target of each message (E).
        num_nodes: Number of nodes.
        weight: Weight of each message (E), or None if all are one.
        source: Source of each message (E), if edges with equal ends are to add up where only
            whether nodes are joined matters.
        weighted: Whether messages are multiplied by their weights already, for sums and means.
    """

    def __init__(
        self,
        target: Tensor,
        num_nodes: int,
        weight: Tensor | None = None,
        source: Tensor | None = None,
        weighted: bool = False,
    ):
        self.target = target
        self.num_nodes = num_nodes
        self.weight = weight
        self.source = source
        self.weighted = weighted

    def to(self, dtype: torch.dtype) -> MessageNeighbourhood:
        """See :class:`Neighbourhood`."""
        weight = None if self.weight is None else self.weight.to(dtype)
        return MessageNeighbourhood(self.target, self.num_nodes, weight, self.source, self.weighted)

    def weigh(self, rows: Tensor) -> Tensor:
        """Return messages multiplied by their weights."""
        if self.weight is None or self.weighted:
            return rows
        return rows * self.weight.to(rows.dtype).view(-1, 1)

    def weighted_sum(self, rows: Tensor) -> Tensor:
        """See :class:`Neighbourhood`."""
        zeros = rows.new_zeros(self.num_nodes, rows.size(1))
        return zeros.index_add(0, self.target, self.weigh(rows))

    def total_weight(self, dtype: torch.dtype) -> Tensor:
        """See :class:`Neighbourhood`."""
        weight = self.weight
        if weight is None:
            weight = torch.ones(self.target.shape, dtype=dtype, device=self.target.device)
        return summed_weights(weight, self.target, self.num_nodes, dtype)

    def maximum(self, rows: Tensor) -> Tensor:
        """See :class:`Neighbourhood`."""
        weight = self.weight
        if weight is not None and self.source is not None:
            weight = self._pair_totals(weight, self.source)
        return _largest(rows, self.target, weight, self.num_nodes)

    def _pair_totals(self, weight: Tensor, source: Tensor) -> Tensor:
        """Return for each edge the sum of the weights of all edges with the same ends."""
        nodes = torch.cat([source, self.target])
        stride = int(nodes.max()) + 1 if nodes.numel() > 0 else 1
        _, pair = torch.unique(self.target * stride + source, return_inverse=True)
        wide = accumulated(weight)
        return wide.new_zeros(wide.size(0)).index_add(0, pair, wide)[pair]


def _largest(values: Tensor, target: Tensor, weight: Tensor | None, num_nodes: int) -> Tensor:
    """Return the maximum of the values of nonzero weight at each node."""
    if weight is None:
        return sparse_maximum(values, target, num_nodes)
    # Values without weight go to one node more: selecting the others would depend on data.
    target = target.masked_fill(weight == 0, num_nodes)
    return sparse_maximum(values, target, num_nodes + 1)[:num_nodes]


def _adjacent_totals(adjacency: Adjacency, weight: Tensor) -> Tensor:
    """Return for each edge the sum of the weights of its duplicates, which are adjacent."""
    slot = starts_of_runs(adjacency.target * adjacency.num_nodes + adjacency.col).cumsum(0) - 1
    wide = accumulated(weight)
    return wide.new_zeros(wide.size(0)).index_add(0, slot, wide).index_select(0, slot)
