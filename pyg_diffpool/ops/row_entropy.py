"""The entropy of each row of an assignment, with a gradient that is finite everywhere."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyg_diffpool.ops.operator import (
    Gradients,
    Operator,
    is_differentiated_again,
    plain_gradients,
)
from pyg_diffpool.ops.precision import accumulation_dtype, without_autocast


def entropy_of_rows(s: Tensor) -> Tensor:
    """Return the entropy of each row, (N) or (B, N), in float32 or float64."""
    with without_autocast(s):
        s = s.to(accumulation_dtype(s.dtype))
        rows: Tensor = _ENTROPY.way(s)(s)
        return rows


def _no_slope(s: Tensor) -> Tensor:
    """Mask entries whose gradient is defined as 0: s = 0, s = 1, and where 1/s would overflow."""
    return (s.abs() < torch.finfo(s.dtype).tiny).logical_or_(s == 1)


def _plain(s: Tensor) -> Tensor:
    rows: Tensor = torch.special.entr(s.masked_fill(_no_slope(s), 1.0)).sum(-1)
    return rows


class _Entropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, s: Tensor) -> Tensor:
        if ctx is not None:
            ctx.save_for_backward(s)
        rows: Tensor = torch.special.entr(s).sum(-1)
        return rows

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        (s,) = ctx.saved_tensors
        if is_differentiated_again((grad,)):
            return plain_gradients(_plain, (s,), ctx.needs_input_grad, (grad,))
        slope = s.log().add_(1).neg_().masked_fill_(_no_slope(s), 0.0)
        return (slope.mul_(grad.unsqueeze(-1)),)


_ENTROPY = Operator(_Entropy, _plain)
