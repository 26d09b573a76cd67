"""Sums of products of two vectors over a list of pairs of their entries."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyg_diffpool.ops.operator import Gradients, Operator


def pair_sums(
    x: Tensor, left: Tensor, y: Tensor, right: Tensor, entry: Tensor, size: int
) -> Tensor:
    r"""Return :math:`z_e = \sum_{p \,:\, e_p = e} x_{l_p} \, y_{r_p}`.

    The gradients are sums of the same form, with the roles of the three vectors exchanged: nothing
    of the size of the list is saved but the list.

    Args:
        x: A vector.
        left: Entry of :obj:`x` of each pair, as int32 or int64.
        y: A vector of the same dtype.
        right: Entry of :obj:`y` of each pair.
        entry: Entry of the result that each pair is added to.
        size: Number of entries of the result.

    Example:
        >>> one = torch.tensor([0, 1, 1])
        >>> x, y = torch.tensor([2.0, 3.0]), torch.tensor([1.0, 10.0])
        >>> pair_sums(x, one, y, torch.tensor([0, 0, 1]), torch.tensor([0, 0, 2]), 3)
        tensor([ 5.,  0., 30.])
    """
    out: Tensor = _PAIR_SUMS.way(x, y)(x, left, y, right, entry, size)
    return out


def _plain(x: Tensor, left: Tensor, y: Tensor, right: Tensor, entry: Tensor, size: int) -> Tensor:
    # Under vmap, the backward pass of torch 2.6 takes no other indices.
    left, right, entry = left.long(), right.long(), entry.long()
    products = x.index_select(0, left) * y.index_select(0, right)
    return x.new_zeros(size).index_add(0, entry, products)


class _PairSums(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, left: Tensor, y: Tensor, right: Tensor, entry: Tensor, size: int
    ) -> Tensor:
        if ctx is not None:
            ctx.save_for_backward(x, left, y, right, entry)
        products = x.index_select(0, left).mul_(y.index_select(0, right))
        return x.new_zeros(size).index_add_(0, entry, products)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        x, left, y, right, entry = ctx.saved_tensors
        needs_x, _, needs_y, *_ = ctx.needs_input_grad
        return (
            pair_sums(grad, entry, y, right, left, x.numel()) if needs_x else None,
            None,
            pair_sums(x, left, grad, entry, right, y.numel()) if needs_y else None,
            None,
            None,
            None,
        )


_PAIR_SUMS = Operator(_PairSums, _plain)
