r"""The cut objective of MinCut: the share of the edges' weight that stays inside clusters."""

from __future__ import annotations

from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.aggregation import inverse_or_zero
from pyg_diffpool.ops.objectives.arguments import loss_of_edges
from pyg_diffpool.ops.objectives.objective import AnyPooling, Objective


def cut_loss(
    s: Tensor,
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
    edge_weight: Tensor | None = None,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None = None,
    reduction: str = "mean",
    max_num_nodes: int | None = None,
    validate: bool | None = None,
) -> Tensor:
    r"""Relaxed normalised cut of the clusters.

    .. math::
        \mathcal{L}_c = - \frac{\mathrm{tr}(\mathbf{S}^{\top} \mathbf{A} \mathbf{S})}
        {\mathrm{tr}(\mathbf{S}^{\top} \mathbf{D} \mathbf{S})}, \qquad
        \mathbf{D}_{uu} = \sum_v \mathbf{A}_{uv}

    (`"Spectral Clustering with Graph Neural Networks for Graph Pooling"
    <https://arxiv.org/abs/1907.00481>`_.) It is -1 if no edge leaves its cluster, also if all nodes
    share one; :func:`orthogonality_loss` prevents that. It costs one sparse product, and none
    beside a coarsening, with whose :math:`\mathbf{S}^{\top} \mathbf{A} \mathbf{S}` it shares it.

    Args:
        s: Assignment probabilities :math:`(N, K)`, or :math:`(B, N, K)` on a dense level.
        edge_index: As in :func:`coarsen`; adjacency matrices :math:`(B, N, N)` on a dense level.
        edge_weight: Weights :math:`(|\mathcal{E}|)`. (default: :obj:`None`, all one)
        batch: Graph of each node, sorted, :math:`(N)`. (default: :obj:`None`, a single graph)
        batch_size: Number of graphs. (default: the last entry of :obj:`batch` plus one)
        mask: On a dense level, mask of the rows that are nodes, :math:`(B, N)`. (default: all)
        reduction: :obj:`"mean"`, :obj:`"sum"` or :obj:`"none"` (one value per graph).
            (default: :obj:`"mean"`)
        max_num_nodes: See :func:`coarsen`. (default: computed)
        validate: Whether to check values. (default: :obj:`None`, on the CPU only)

    Returns:
        The loss; a graph without edges, or whose denominator is 0, has value 0 and no gradient.

    Raises:
        TypeError: If an argument has the wrong type or dtype.
        ValueError: If sizes or values are invalid (see :func:`coarsen`), or a row of :obj:`s` is
            not a probability distribution.

    Example:
        >>> import torch
        >>> s = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> cut_loss(s, torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]))  # half of the edges are cut
        tensor(-0.5000)
    """
    return loss_of_edges(
        CUT,
        s,
        edge_index,
        edge_weight,
        batch,
        batch_size,
        mask=mask,
        reduction=reduction,
        max_num_nodes=max_num_nodes,
        validate=validate,
    )


def _values(pooling: AnyPooling) -> Tensor:
    level = pooling.level
    volume = level.graphs.sum_rows(pooling.row_squares() * level.out_degrees())
    return -(pooling.trace() * inverse_or_zero(volume)).to(pooling.loss_dtype())


CUT = Objective(_values)
