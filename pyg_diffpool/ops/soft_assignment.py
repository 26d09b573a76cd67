"""Soft assignments from logits, over the clusters that each graph uses."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyg_diffpool.ops.backends.triton import softmax as kernels
from pyg_diffpool.ops.operator import (
    Gradients,
    Operator,
    is_differentiated_again,
    plain_gradients,
)
from pyg_diffpool.ops.precision import accumulation_dtype, exact, without_autocast


def soft_assignment(logits: Tensor, columns: Tensor | None = None) -> Tensor:
    r"""Row-wise softmax, with exact zeros for masked clusters.

    .. math::
        \mathbf{S} = \mathrm{softmax}(\mathbf{L})

    (Equation 6 of `"Hierarchical Graph Representation Learning with Differentiable Pooling"
    <https://arxiv.org/abs/1806.08804>`_.)

    Args:
        logits: :math:`(*, K)`; the softmax of half-precision logits is computed in float32.
        columns: Boolean mask of the clusters to use, broadcastable to :obj:`logits`, with at least
            one in each row. (default: all)

    Returns:
        :math:`(*, K)` with rows that sum to one, in float32 or float64.

    Example:
        >>> soft_assignment(torch.zeros(1, 3), torch.tensor([[True, True, False]]))
        tensor([[0.5000, 0.5000, 0.0000]])
    """
    with without_autocast(logits):
        return masked_logits(logits, columns).softmax(-1)


# Probabilities underflow to 0 far above this logarithm; the clamp makes 0 · log 0 equal 0.
LOWEST_LOGARITHM = -1000.0


def soft_assignment_and_entropy(
    logits: Tensor, columns: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the result of :func:`soft_assignment` and the entropy of each row."""
    with without_autocast(logits):
        masked = masked_logits(logits, columns)
        s, entropy, *_ = _SOFTMAX_AND_ENTROPY.way(masked)(masked)
    return s, entropy


def masked_logits(logits: Tensor, columns: Tensor | None) -> Tensor:
    """Return logits in the accumulation dtype, with -∞ for masked clusters."""
    wide = logits.to(accumulation_dtype(logits.dtype))
    return wide if columns is None else wide.masked_fill(~columns, -torch.inf)


def _plain(logits: Tensor) -> tuple[Tensor, Tensor]:
    logarithm = logits.log_softmax(-1)
    s = logarithm.exp()
    return s, -(s * logarithm.clamp(min=LOWEST_LOGARITHM)).sum(-1)


class _SoftmaxAndEntropy(torch.autograd.Function):
    """For the softmax s of a row of logits l and its entropy H, ∂H/∂l_k = -s_k (log s_k + H)."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> tuple[Tensor, Tensor]:
        if kernels.takes(logits):
            s, entropy = kernels.softmax_and_entropy(logits, LOWEST_LOGARITHM)
            if ctx is not None:
                ctx.save_for_backward(logits, s, None)
            return s, entropy
        logarithm = logits.log_softmax(-1)
        s = logarithm.exp()
        logarithm.clamp_(min=LOWEST_LOGARITHM)
        if ctx is not None:
            ctx.save_for_backward(logits, s, logarithm)
        return s, -torch.linalg.vecdot(s, logarithm)

    @staticmethod
    def backward(ctx: Any, grad: Tensor, grad_entropy: Tensor) -> Gradients:
        logits, s, logarithm = ctx.saved_tensors
        onto = (grad, grad_entropy)
        if is_differentiated_again(onto):
            return plain_gradients(_plain, (logits,), ctx.needs_input_grad, onto)
        if logarithm is None:
            return (kernels.softmax_gradient(s, *onto, LOWEST_LOGARITHM),)
        onto_s = torch.addcmul(grad, logarithm, grad_entropy.unsqueeze(-1), value=-1)
        return (torch._softmax_backward_data(onto_s, s, -1, s.dtype),)


_SOFTMAX_AND_ENTROPY = Operator(_SoftmaxAndEntropy, _plain)


def cluster_mask(sizes: Tensor, ratio: float, max_clusters: int) -> Tensor:
    r"""Return a mask of the clusters that graphs of the given sizes use.

    A graph :math:`g` of :math:`n_g` nodes uses
    :math:`k_g = \min(K, \max(1, \lceil \rho\, n_g \rceil))` clusters.

    Args:
        sizes: Number of nodes of each graph, :math:`(B)`.
        ratio: Number of clusters per node, :math:`0 < \rho \leq 1`.
        max_clusters: Number of columns :math:`K`.

    Returns:
        Boolean mask :math:`(B, K)`.

    Example:
        >>> cluster_mask(torch.tensor([30, 3, 0]), ratio=0.1, max_clusters=4).sum(1)
        tensor([3, 1, 1])
    """
    counts = number_of_clusters(sizes, ratio, max_clusters)
    return torch.arange(max_clusters, device=sizes.device) < counts.unsqueeze(1)


def number_of_clusters(sizes: Tensor, ratio: float | None, max_clusters: int) -> Tensor:
    """Return the number of clusters of each graph, :math:`(B)`, as :func:`cluster_mask` counts.

    Without a ratio, all graphs use :obj:`max_clusters`.

    Example:
        >>> number_of_clusters(torch.tensor([30, 3, 0]), ratio=0.1, max_clusters=4)
        tensor([3, 1, 1])
    """
    if ratio is None:
        return torch.full_like(sizes, max_clusters)
    # 0.1 · 3 exceeds 0.3 only by rounding, which must not add a cluster.
    return (exact(sizes) * ratio - 1e-6).ceil().clamp(min=1, max=max_clusters).long()
