r"""Edge features between clusters, without an N×N matrix."""

from __future__ import annotations

from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.edge_features import pool_edge_features, read_edge_features
from pyg_diffpool.ops.level import read_level
from pyg_diffpool.ops.validation import check_choice

EDGE_REDUCTIONS = ("mean", "sum")


def coarsen_edges(
    s: Tensor,
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
    edge_attr: Tensor,
    edge_weight: Tensor | None = None,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None = None,
    reduce: str = "mean",
    max_num_nodes: int | None = None,
    validate: bool | None = None,
) -> Tensor:
    r"""Pool the features of the edges between each pair of clusters.

    .. math::
        \mathbf{E}'_c = \mathbf{S}^{\top} \mathbf{E}_c \mathbf{S} \qquad \text{or} \qquad
        \mathbf{E}'_c = \frac{\mathbf{S}^{\top} (\mathbf{A} \odot \mathbf{E}_c) \mathbf{S}}
        {\mathbf{S}^{\top} \mathbf{A} \mathbf{S}}

    for each channel :math:`c`: the sum over the edges, or their mean per unit of weight. Pooling
    level by level gives the same as pooling by the product of the assignments. (`"Hierarchical
    Graph Representation Learning with Differentiable Pooling" <https://arxiv.org/abs/1806.08804>`_
    mentions edge features as an extension, in its first footnote.) Memory is linear in edges times
    channels.

    Args:
        s: Assignment :math:`(N, K)`, or :math:`(B, N, K)` on a dense level.
        edge_index: As in :func:`coarsen`. Edges are in the order in which they are given; those of
            a sparse matrix or of a prepared :class:`Adjacency` in storage order.
        edge_attr: Features :math:`(|\mathcal{E}|, C)`, where those of duplicate edges add up; or
            :math:`(B, N, N, C)` on a dense level.
        edge_weight: Weights :math:`(|\mathcal{E}|)`, which the sum does not depend on.
            (default: :obj:`None`, all one)
        batch: Graph of each node, sorted, :math:`(N)`. (default: :obj:`None`, a single graph)
        batch_size: Number of graphs. (default: the last entry of :obj:`batch` plus one)
        mask: On a dense level, mask of the rows that are nodes, :math:`(B, N)`. (default: all)
        reduce: :obj:`"mean"` or :obj:`"sum"`. The mean of a pair whose weight is 0 is 0, with zero
            gradient. (default: :obj:`"mean"`)
        max_num_nodes: See :func:`coarsen`. (default: computed)
        validate: Whether to check values. (default: :obj:`None`, on the CPU only)

    Returns:
        Features of each pair of clusters, :math:`(B, K, K, C)`.

    Raises:
        TypeError: If an argument has the wrong type or dtype.
        ValueError: If there is not one row of features for each edge, and see :func:`coarsen`.

    Example:
        >>> import torch
        >>> s = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> edge_index = torch.tensor([[0, 0, 1], [1, 2, 2]])
        >>> edge_attr = torch.tensor([[1.0], [2.0], [4.0]])
        >>> coarsen_edges(s, edge_index, edge_attr)[0, :, :, 0]
        tensor([[1., 3.],
                [0., 0.]])
    """
    check_choice("reduce", reduce, EDGE_REDUCTIONS)
    level, (s,) = read_level(
        {"s": s},
        edge_index,
        edge_weight,
        batch,
        batch_size,
        mask=mask,
        max_num_nodes=max_num_nodes,
        validate=validate,
    )
    features = read_edge_features(edge_attr, edge_index, edge_weight, level)
    adj = level.contract(s[..., :0], s)[0].adj
    return pool_edge_features(features, s, level, adj, reduce)
