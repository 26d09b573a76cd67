"""Maxima over the nodes of each graph, with a custom gradient: equal shares at ties.

PyTorch's own derivatives have the same values. For a sparse level they write the whole gradient
three more times than is needed, and for a dense one they differentiate the fill of the padding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from pyg_diffpool.ops.operator import (
    Gradients,
    Operator,
    is_differentiated_again,
    plain_gradients,
)


def sparse_maximum(x: Tensor, batch: Tensor, batch_size: int | None) -> Tensor:
    """Return the maximum of the rows (N, F) of each graph, (B, F); zeros for graphs without nodes.

    Args:
        x: The rows.
        batch: Graph of each row, (N).
        batch_size: Number of graphs. (default: the largest entry of :obj:`batch` plus one)
    """
    maximum: Tensor = _SPARSE.way(x)(x, batch, batch_size)
    return maximum


def dense_maximum(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return the maximum of the rows (B, N, F) of each graph, (B, F); zeros if all are masked.

    Args:
        x: The rows.
        mask: Which rows are nodes (B, N), or None for all.
    """
    maximum: Tensor = _DENSE.way(x)(x, mask)
    return maximum


def _largest(x: Tensor, batch: Tensor, batch_size: int | None) -> Tensor:
    maximum: Tensor = scatter(x, batch, 0, batch_size, "max")
    return maximum


def _plain_sparse(x: Tensor, batch: Tensor, batch_size: int | None) -> Tensor:
    if batch_size is None:
        batch_size = int(batch.max()) + 1 if batch.numel() > 0 else 0
    # PyTorch counts the initial value among the ties even if it takes no part, and a maximum may be
    # zero: the rows of a channel that is inactive for all nodes.
    lowest = x.new_full((batch_size, x.size(1)), -torch.inf)
    top = lowest.scatter_reduce(0, batch.unsqueeze(-1).expand_as(x), x, "amax")
    empty = torch.ones_like(lowest[:, :1], dtype=torch.bool).index_fill(0, batch, False)
    return top.masked_fill(empty, 0.0)


def _plain_dense(x: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return x.amax(1)
    top = x.masked_fill(~mask.unsqueeze(-1), -torch.inf).amax(1)
    return top.masked_fill(~mask.any(1, keepdim=True), 0.0)


class _SparseMaximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, batch: Tensor, batch_size: int | None) -> Tensor:
        maximum = _largest(x, batch, batch_size)
        if ctx is not None:
            ctx.save_for_backward(x, batch, maximum)
        return maximum

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        x, batch, maximum = ctx.saved_tensors
        if is_differentiated_again((grad,)):
            arguments = x, batch, maximum.size(0)
            return plain_gradients(_plain_sparse, arguments, ctx.needs_input_grad, (grad,))
        largest = x == maximum.index_select(0, batch)
        ties = torch.zeros_like(maximum).index_add_(0, batch, largest.to(x.dtype))
        shares = (grad / ties.clamp_(min=1)).index_select(0, batch)
        return shares.mul_(largest), None, None


class _DenseMaximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor | None) -> Tensor:
        maximum = _plain_dense(x, mask)
        if ctx is not None:
            ctx.save_for_backward(x, mask, maximum)
        return maximum

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        x, mask, maximum = ctx.saved_tensors
        if is_differentiated_again((grad,)):
            return plain_gradients(_plain_dense, (x, mask), ctx.needs_input_grad, (grad,))
        largest = x == maximum.unsqueeze(1)
        if mask is not None:
            largest &= mask.unsqueeze(-1)
        ties = largest.sum(1, dtype=x.dtype)
        return (grad / ties.clamp_(min=1)).unsqueeze(1) * largest, None


_SPARSE = Operator(_SparseMaximum, _plain_sparse)
_DENSE = Operator(_DenseMaximum, _plain_dense)
