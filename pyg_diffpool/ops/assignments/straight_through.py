"""Hard assignments with the gradient of the softmax."""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.ops.soft_assignment import soft_assignment_and_entropy


def straight_through(logits: Tensor, columns: Tensor | None = None) -> tuple[Tensor, Tensor]:
    r"""Assign every row to the cluster of its largest logit, with a surrogate gradient.

    .. math::
        \mathbf{S} = \mathrm{onehot}(\operatorname{argmax} \mathbf{L}), \qquad
        \frac{\partial \mathcal{L}}{\partial \mathbf{L}} :=
        \frac{\partial \, \mathrm{softmax}(\mathbf{L})}{\partial \mathbf{L}}^{\top}
        \frac{\partial \mathcal{L}}{\partial \mathbf{S}}

    (The straight-through estimator of `"Estimating or Propagating Gradients Through Stochastic
    Neurons for Conditional Computation" <https://arxiv.org/abs/1308.3432>`_, as in the
    Gumbel-softmax without noise.) **It is not the gradient of the result**, which is 0 almost
    everywhere, but that of the softmax, evaluated as if its value were the one-hot row. The entropy
    is that of the softmax: the entropy of one-hot rows is 0.

    Args:
        logits: :math:`(*, K)`.
        columns: See :func:`soft_assignment`.

    Returns:
        One-hot rows :math:`(*, K)` (of equal logits, the first one counts), and the entropy of the
        softmax of each row.

    Example:
        >>> logits = torch.tensor([[2.0, 1.0]], requires_grad=True)
        >>> s, _ = straight_through(logits)
        >>> s[0, 1].backward()
        >>> s.detach(), logits.grad
        (tensor([[1., 0.]]), tensor([[-0.1966,  0.1966]]))
    """
    soft, entropy = soft_assignment_and_entropy(logits, columns)
    value = soft.detach()
    hard = torch.zeros_like(value).scatter(-1, value.argmax(-1, keepdim=True), 1.0)
    return hard + (soft - value), entropy
