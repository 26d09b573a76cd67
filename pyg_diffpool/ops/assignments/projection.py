r"""Sparsemax and 1.5-entmax: projections :math:`p_k = [\ell_k / q - \tau]_+^q` onto the simplex."""

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
    return _project(logits, power=1)


def entmax15(logits: Tensor) -> Tensor:
    r"""Map each row to probabilities, some of which are exactly zero.

    .. math::
        \mathrm{entmax}_{1.5}(\boldsymbol{\ell}) = \operatorname*{argmax}_{\mathbf{p} \in \Delta}
        \; \boldsymbol{\ell}^{\top} \mathbf{p} + \tfrac{4}{3} \sum_k \bigl( p_k - p_k^{3/2} \bigr)
        = [\boldsymbol{\ell} / 2 - \tau(\boldsymbol{\ell})]_+^2

    From `"Sparse Sequence-to-Sequence Models" <https://arxiv.org/abs/1905.05702>`_. The gradient is
    exact: :math:`\partial p_k / \partial \ell_j = r_k \left( [k = j] - r_j / \sum_i r_i \right)`
    with :math:`r_k = \sqrt{p_k}`, which is 0 outside the support.

    Args:
        logits: :math:`(*, K)` in float32 or float64; columns of -∞ get 0.

    Example:
        >>> entmax15(torch.tensor([1.0, 0.0, -1.0]))
        tensor([0.8307, 0.1693, 0.0000])
    """
    return _project(logits, power=2)


def _project(logits: Tensor, power: int) -> Tensor:
    r"""Project each row, with exponent :math:`q`, 1 or 2.

    With :math:`r_k = p_k^{(q - 1) / q}` on the support and 0 elsewhere, the gradient is
    :math:`\partial p_k / \partial \ell_j = r_k \left( [k = j] - r_j / \sum_i r_i \right)`.
    """
    s: Tensor = _PROJECTION.way(logits)(logits, power)
    return s


def _plain(logits: Tensor, power: int) -> Tensor:
    z = shifted(logits / power)
    support = z > threshold(z, power)
    count = support.sum(-1, keepdim=True)
    total = z.masked_fill(~support, 0.0).sum(-1, keepdim=True)
    if power == 1:
        tau = (total - 1) / count
    else:
        mean = total / count
        spread = (z - mean).masked_fill(~support, 0.0).square().sum(-1, keepdim=True)
        tau = mean - ((1 - spread) / count).sqrt()
    return (z - tau).pow(power).masked_fill(~support, 0.0)


class _Projection(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, power: int) -> Tensor:
        z = shifted(logits / power)
        s = (z - threshold(z, power)).clamp_(min=0.0).pow_(power)
        if ctx is not None:
            ctx.save_for_backward(logits, s)
            ctx.power = power
        return s

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        logits, s = ctx.saved_tensors
        if is_differentiated_again((grad,)):
            return plain_gradients(_plain, (logits, ctx.power), ctx.needs_input_grad, (grad,))
        slope = s.sign() if ctx.power == 1 else s.sqrt()
        inside = grad * slope
        mean = inside.sum(-1, keepdim=True) / slope.sum(-1, keepdim=True)
        return inside.addcmul_(mean, slope, value=-1), None


_PROJECTION = Operator(_Projection, _plain)
