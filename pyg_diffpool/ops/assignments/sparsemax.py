"""Sparsemax: the Euclidean projection of logits onto the probability simplex."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyg_diffpool.ops.assignments.threshold import shifted, threshold
from pyg_diffpool.ops.operator import (
    Gradients,
    Operator,
    is_differentiated_again,
    plain_gradients,
)


def sparsemax(logits: Tensor) -> Tensor:
    r"""Project each row onto the probability simplex.

    .. math::
        \mathrm{sparsemax}(\boldsymbol{\ell}) = \operatorname*{argmin}_{\mathbf{p} \in \Delta}
        \lVert \mathbf{p} - \boldsymbol{\ell} \rVert^2
        = [\boldsymbol{\ell} - \tau(\boldsymbol{\ell})]_+

    From `"From Softmax to Sparsemax" <https://arxiv.org/abs/1602.02068>`_. The gradient is exact:
    for the support :math:`\mathcal{S}` of a row,
    :math:`\partial p_k / \partial \ell_j = [k = j] - 1 / |\mathcal{S}|` on :math:`\mathcal{S}`,
    and 0 elsewhere.

    Args:
        logits: :math:`(*, K)` in float32 or float64; columns of -∞ get 0.

    Example:
        >>> sparsemax(torch.tensor([1.0, 0.5, -1.0]))
        tensor([0.7500, 0.2500, 0.0000])
    """
    s: Tensor = _SPARSEMAX.way(logits)(logits)
    return s


def _plain(logits: Tensor) -> Tensor:
    z = shifted(logits)
    support = z > threshold(z, 1)
    inside = z.masked_fill(~support, 0.0)
    tau = (inside.sum(-1, keepdim=True) - 1) / support.sum(-1, keepdim=True)
    return (z - tau).masked_fill(~support, 0.0)


class _Sparsemax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> Tensor:
        z = shifted(logits)
        s = (z - threshold(z, 1)).clamp_(min=0.0)
        if ctx is not None:
            ctx.save_for_backward(logits, s)
        return s

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        logits, s = ctx.saved_tensors
        if is_differentiated_again((grad,)):
            return plain_gradients(_plain, (logits,), ctx.needs_input_grad, (grad,))
        support = s.sign()
        inside = grad * support
        mean = inside.sum(-1, keepdim=True) / support.sum(-1, keepdim=True)
        return (inside.addcmul_(mean, support, value=-1),)


_SPARSEMAX = Operator(_Sparsemax, _plain)
