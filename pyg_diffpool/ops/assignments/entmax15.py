"""1.5-entmax: a sparse projection between softmax and sparsemax."""

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
    s: Tensor = _ENTMAX15.way(logits)(logits)
    return s


def _plain(logits: Tensor) -> Tensor:
    z = shifted(logits / 2)
    support = z > threshold(z, 2)
    count = support.sum(-1, keepdim=True)
    mean = z.masked_fill(~support, 0.0).sum(-1, keepdim=True) / count
    spread = (z - mean).masked_fill(~support, 0.0).square().sum(-1, keepdim=True)
    tau = mean - ((1 - spread) / count).sqrt()
    return (z - tau).square().masked_fill(~support, 0.0)


class _Entmax15(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> Tensor:
        z = shifted(logits / 2)
        s = (z - threshold(z, 2)).clamp_(min=0.0).square_()
        if ctx is not None:
            ctx.save_for_backward(logits, s)
        return s

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        logits, s = ctx.saved_tensors
        if is_differentiated_again((grad,)):
            return plain_gradients(_plain, (logits,), ctx.needs_input_grad, (grad,))
        root = s.sqrt()
        inside = grad * root
        mean = inside.sum(-1, keepdim=True) / root.sum(-1, keepdim=True)
        return (inside.addcmul_(mean, root, value=-1),)


_ENTMAX15 = Operator(_Entmax15, _plain)
