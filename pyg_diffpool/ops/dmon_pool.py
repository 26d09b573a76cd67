"""DMoN pooling of sparse graphs."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import selu
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.backends import BACKENDS
from pyg_diffpool.ops.level import read_level
from pyg_diffpool.ops.normalized_pooling import pool_and_normalize
from pyg_diffpool.ops.objectives.collapse import COLLAPSE
from pyg_diffpool.ops.objectives.modularity import MODULARITY
from pyg_diffpool.ops.objectives.orthogonality import ORTHOGONALITY
from pyg_diffpool.ops.validation import check_choice


def dmon_pool(
    x: Tensor,
    s: Tensor,
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
    edge_weight: Tensor | None = None,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None = None,
    max_num_nodes: int | None = None,
    backend: str = "auto",
    validate: bool | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    r"""DMoN pooling of sparse graphs, given the logits of the assignment.

    .. math::
        \mathbf{S} &= \mathrm{softmax}(\mathbf{L})

        \mathbf{X}' &= \mathrm{selu}(\mathbf{S}^{\top} \mathbf{X})

        \mathbf{A}' &= \mathbf{S}^{\top} \mathbf{A} \mathbf{S}

    with a zero diagonal and symmetric normalisation of :math:`\mathbf{A}'` (`"Graph Clustering with
    Graph Neural Networks" <https://arxiv.org/abs/2006.16904>`_). :class:`DMoNPooling` is the module
    of it.

    Args:
        x: Node features :math:`(N, F)`, or :math:`(B, N, F)` on a dense level.
        s: Assignment logits :math:`(N, K)` or :math:`(B, N, K)`; the softmax is applied here.
        edge_index: As in :func:`coarsen`.
        edge_weight: Weights :math:`(|\mathcal{E}|)`. (default: :obj:`None`, all one)
        batch: Graph of each node, sorted, :math:`(N)`. (default: :obj:`None`, a single graph)
        batch_size: Number of graphs. (default: the last entry of :obj:`batch` plus one)
        mask: On a dense level, mask of the rows that are nodes, :math:`(B, N)`. (default: all)
        max_num_nodes: See :func:`coarsen`. (default: computed)
        backend: See :func:`coarsen`. (default: :obj:`"auto"`)
        validate: Whether to check values. (default: :obj:`None`, on the CPU only)

    Returns:
        Soft assignment, pooled features :math:`(B, K, F)`, normalised pooled adjacency
        :math:`(B, K, K)`, and the scalars of :func:`modularity_loss`, :func:`orthogonality_loss`
        and :func:`collapse_loss`, means over graphs.

    Raises:
        TypeError: If an argument has the wrong type or dtype.
        ValueError: See :func:`coarsen`.

    Example:
        >>> import torch
        >>> x, s = torch.randn(5, 8), torch.randn(5, 2)
        >>> edge_index = torch.tensor([[0, 1, 3, 4], [1, 0, 4, 3]])
        >>> s, x, adj, *losses = dmon_pool(x, s, edge_index, batch=torch.tensor([0, 0, 0, 1, 1]))
        >>> s.shape, x.shape, adj.shape, len(losses)
        (torch.Size([5, 2]), torch.Size([2, 2, 8]), torch.Size([2, 2, 2]), 3)
    """
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
    objectives = (MODULARITY, ORTHOGONALITY, COLLAPSE)
    pooled = pool_and_normalize(x, s, level, objectives, backend)
    spectral, orthogonality, collapse = pooled.losses
    return pooled.s, selu(pooled.x), pooled.adj, spectral, orthogonality, collapse
