r"""The symmetric normalisation of pooled adjacency matrices, as in MinCut and DMoN."""

from __future__ import annotations

import torch
from torch import Tensor


def normalized_adjacency(adj: Tensor) -> Tensor:
    r"""Remove the diagonal of matrices (B, K, K), and divide by the roots of the row sums.

    .. math::
        \mathbf{A}_{kl} / \sqrt{d_k d_l}, \qquad d_k = \sum_l \mathbf{A}_{kl}

    A row sum that is not positive has a reciprocal root of zero, and no gradient.
    """
    clusters = adj.size(-1)
    diagonal = torch.eye(clusters, dtype=torch.bool, device=adj.device)
    adj = adj.masked_fill(diagonal, 0.0)
    degrees = adj.sum(-1)
    # As for other reciprocals: below this sum, derivatives would overflow.
    none = degrees <= torch.finfo(degrees.dtype).tiny ** 0.5
    roots = degrees.masked_fill(none, 1.0).rsqrt().masked_fill(none, 0.0)
    return adj * roots.unsqueeze(-1) * roots.unsqueeze(-2)
