"""The result of a coarsening: the three contractions of a graph with its assignment."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from torch import Tensor

# Which squared distances to the predicted adjacency are computed: none, those of each graph, or
# those of each padded graph, including the entries of adjacency matrices in padding.
Distances: TypeAlias = Literal["graphs", "padded"] | None


class Coarsening(NamedTuple):
    r"""Output of :func:`coarsen`.

    Attributes:
        x: Pooled features :math:`\mathbf{S}^{\top} \mathbf{X}`, shape :math:`(B, K, F)`.
        adj: Pooled adjacency :math:`\mathbf{S}^{\top} \mathbf{A} \mathbf{S}`,
            shape :math:`(B, K, K)`.
        gram: Gram matrix :math:`\mathbf{S}^{\top} \mathbf{S}`, shape :math:`(B, K, K)`.

    Example:
        >>> import torch
        >>> from pyg_diffpool import coarsen
        >>> s = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> coarsening = coarsen(torch.ones(3, 1), s, torch.tensor([[0, 1], [2, 2]]))
        >>> coarsening.gram[0].diagonal()  # of hard assignments: the sizes of the clusters
        tensor([2., 1.])
    """

    x: Tensor
    adj: Tensor
    gram: Tensor
