"""MinCut pooling of sparse graphs."""

from __future__ import annotations

import math

from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.backends import BACKENDS
from pyg_diffpool.ops.level import read_level
from pyg_diffpool.ops.normalized_pooling import pool_and_normalize
from pyg_diffpool.ops.objectives.cut import CUT
from pyg_diffpool.ops.objectives.orthogonality import ORTHOGONALITY
from pyg_diffpool.ops.validation import check_choice, kind


def mincut_pool(
    x: Tensor,
    s: Tensor,
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
    edge_weight: Tensor | None = None,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    *,
    temp: float = 1.0,
    mask: Tensor | None = None,
    max_num_nodes: int | None = None,
    backend: str = "auto",
    validate: bool | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    r"""MinCut pooling of sparse graphs.

    .. math::
        \mathbf{S} &= \mathrm{softmax}(\mathbf{L} / t)

        \mathbf{X}' &= \mathbf{S}^{\top} \mathbf{X}

        \mathbf{A}' &= \mathbf{S}^{\top} \mathbf{A} \mathbf{S}

    with a zero diagonal and symmetric normalisation of :math:`\mathbf{A}'` (`"Spectral Clustering
    with Graph Neural Networks for Graph Pooling" <https://arxiv.org/abs/1907.00481>`_). This is the
    counterpart of :func:`torch_geometric.nn.dense_mincut_pool` for PyG's sparse batches, with the
    same results: no graph is padded to :math:`N \times N`. Unlike in PyG, graphs without edges or
    nodes, and clusters without neighbours, have finite losses and gradients.

    Args:
        x: Node features :math:`(N, F)`, or :math:`(B, N, F)` on a dense level.
        s: Assignment logits :math:`(N, K)` or :math:`(B, N, K)`; the softmax is applied here.
        edge_index: As in :func:`coarsen`.
        edge_weight: Weights :math:`(|\mathcal{E}|)`. (default: :obj:`None`, all one)
        batch: Graph of each node, sorted, :math:`(N)`. (default: :obj:`None`, a single graph)
        batch_size: Number of graphs. (default: the last entry of :obj:`batch` plus one)
        temp: Temperature :math:`t` of the softmax. (default: :obj:`1.0`)
        mask: On a dense level, mask of the rows that are nodes, :math:`(B, N)`. (default: all)
        max_num_nodes: See :func:`coarsen`. (default: computed)
        backend: See :func:`coarsen`. (default: :obj:`"auto"`)
        validate: Whether to check values. (default: :obj:`None`, on the CPU only)

    Returns:
        Pooled features :math:`(B, K, F)`, normalised pooled adjacency :math:`(B, K, K)`, and the
        scalars of :func:`cut_loss` and :func:`orthogonality_loss`, means over graphs.

    Raises:
        TypeError: If an argument has the wrong type or dtype.
        ValueError: If :obj:`temp` is not positive and finite, and see :func:`coarsen`.

    Example:
        >>> import torch
        >>> x, s = torch.randn(5, 8), torch.randn(5, 2)
        >>> edge_index = torch.tensor([[0, 1, 3, 4], [1, 0, 4, 3]])
        >>> batch = torch.tensor([0, 0, 0, 1, 1])
        >>> x, adj, mincut_loss, ortho_loss = mincut_pool(x, s, edge_index, batch=batch)
        >>> x.shape, adj.diagonal(dim1=1, dim2=2).count_nonzero()
        (torch.Size([2, 2, 8]), tensor(0))
    """
    if isinstance(temp, bool) or not isinstance(temp, int | float):
        raise TypeError(f"temp: expected a number, got {kind(temp)}")
    if not 0 < temp < math.inf:
        raise ValueError(f"temp: expected a positive and finite number, got {temp}")
    check_choice("backend", backend, ("auto", *BACKENDS))
    level, (x, s) = read_level(
        {"x": x, "s": s},
        edge_index,
        edge_weight,
        batch,
        batch_size,
        mask=mask,
        max_num_nodes=max_num_nodes,
        validate=validate,
    )
    if temp != 1.0:
        s = s / temp
    pooled = pool_and_normalize(x, s, level, (CUT, ORTHOGONALITY), backend)
    cut, orthogonality = pooled.losses
    return pooled.x, pooled.adj, cut, orthogonality
