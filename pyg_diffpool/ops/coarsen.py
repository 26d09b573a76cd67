r"""The three contractions of DiffPool, computed exactly without an N×N matrix."""

from __future__ import annotations

from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.backends import BACKENDS
from pyg_diffpool.ops.contract.coarsening import Coarsening
from pyg_diffpool.ops.level import read_level
from pyg_diffpool.ops.normalized_adjacency import normalized_adjacency
from pyg_diffpool.ops.validation import check_choice, check_flag


def coarsen(
    x: Tensor,
    s: Tensor,
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
    edge_weight: Tensor | None = None,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None = None,
    max_num_nodes: int | None = None,
    normalize_adj: bool = False,
    backend: str = "auto",
    validate: bool | None = None,
) -> Coarsening:
    r"""Coarsen every graph of a batch with its assignment matrix.

    .. math::
        \mathbf{X}' = \mathbf{S}^{\top} \mathbf{X}, \qquad
        \mathbf{A}' = \mathbf{S}^{\top} \mathbf{A} \mathbf{S}, \qquad
        \mathbf{G} = \mathbf{S}^{\top} \mathbf{S}

    (Equations 3 and 4 of `"Hierarchical Graph Representation Learning with Differentiable
    Pooling" <https://arxiv.org/abs/1806.08804>`_, and the Gram matrix of the objectives.) Time is
    :math:`O(|\mathcal{E}| K + N K (F + 2K))` and memory linear in nodes and edges.

    Args:
        x: Node features :math:`(N, F)`, or :math:`(B, N, F)` on a dense level.
        s: Assignment :math:`(N, K)` of any real values, or :math:`(B, N, K)`.
        edge_index: Edges :math:`(2, |\mathcal{E}|)` in any order, where duplicates add up; an
            :class:`~torch_geometric.EdgeIndex`; a sparse :math:`\mathbf{A}^{\top}`; a prepared
            :class:`Adjacency`; or, on a dense level, adjacency matrices :math:`(B, N, N)`. On a
            dense level, arguments that all graphs share may have a batch size of one, or no batch
            dimension if another argument has one, and are broadcast.
        edge_weight: Weights :math:`(|\mathcal{E}|)`. (default: :obj:`None`, all one)
        batch: Graph of each node, sorted, :math:`(N)`. (default: :obj:`None`, a single graph)
        batch_size: Number of graphs :math:`B`, which may include empty graphs.
            (default: the last entry of :obj:`batch` plus one)
        mask: On a dense level, mask of the rows that are nodes, :math:`(B, N)`: boolean, or 0 and 1
            if values are checked. (default: all)
        max_num_nodes: Number of nodes of the largest graph, or an upper bound, which avoids a
            host-device synchronisation on a GPU. (default: computed)
        normalize_adj: Whether the pooled adjacency is normalised as that of PyG's
            :func:`~torch_geometric.nn.dense_mincut_pool`: its diagonal is set to zero, and it is
            divided by the roots of the degrees :math:`d_k = \sum_l \mathbf{A}'_{kl}` on both
            sides, :math:`\mathbf{A}'_{kl} / \sqrt{d_k d_l}`. Rows and columns of clusters whose
            degree is not positive are zero, with zero gradient. (default: :obj:`False`)
        backend: :obj:`"padded"` (one batched product), :obj:`"ragged"` (one product per graph) or
            :obj:`"auto"`; results agree. (default: :obj:`"auto"`)
        validate: Whether to check values as well as shapes.
            (default: :obj:`None`, on the CPU only)

    Returns:
        :class:`Coarsening`. Half-precision inputs are accumulated in float32, which is also the
        dtype of :obj:`adj` and :obj:`gram`.

    Raises:
        TypeError: If an argument has the wrong type or dtype.
        ValueError: If sizes do not match, :obj:`batch` is not sorted, an edge connects two graphs,
            an index is out of range, a weight is not finite, or there are no clusters.

    Example:
        >>> import torch
        >>> x = torch.tensor([[1.0], [2.0], [3.0]])
        >>> s = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> edge_index = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
        >>> out = coarsen(x, s, edge_index)
        >>> out.x.flatten(), out.adj[0]  # doctest: +NORMALIZE_WHITESPACE
        (tensor([3., 3.]), tensor([[2., 1.], [1., 0.]]))
    """
    check_choice("backend", backend, ("auto", *BACKENDS))
    check_flag("normalize_adj", normalize_adj)
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
    coarsening, _ = level.contract(x, s, backend)
    if normalize_adj:
        coarsening = coarsening._replace(adj=normalized_adjacency(coarsening.adj))
    return coarsening
