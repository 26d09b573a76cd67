r"""The modularity objective of DMoN: edges inside clusters beyond what degrees would predict."""

from __future__ import annotations

from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.aggregation import inverse_or_zero
from pyg_diffpool.ops.objectives.arguments import loss_of_edges
from pyg_diffpool.ops.objectives.objective import AnyPooling, Objective
from pyg_diffpool.ops.precision import exact


def modularity_loss(
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
    r"""Negative spectral modularity of the clusters.

    .. math::
        \mathcal{L}_s = - \frac{1}{2m} \mathrm{tr}(\mathbf{S}^{\top} \mathbf{B} \mathbf{S}), \qquad
        \mathbf{B} = \mathbf{A} - \frac{\mathbf{d} \mathbf{d}^{\top}}{2m}, \qquad
        \mathrm{tr}(\mathbf{S}^{\top} \mathbf{B} \mathbf{S}) =
        \mathrm{tr}(\mathbf{S}^{\top} \mathbf{A} \mathbf{S}) -
        \frac{\lVert \mathbf{S}^{\top} \mathbf{d} \rVert^2}{2m}

    with :math:`d_u = \sum_v \mathbf{A}_{uv}` and :math:`2m = \sum_u d_u` (`"Graph Clustering with
    Graph Neural Networks" <https://arxiv.org/abs/2006.16904>`_). On the right, :math:`\mathbf{B}`,
    which has no zeros, is not needed. The value is in :math:`(-1, \frac{1}{2}]` for undirected
    graphs of positive weights, and 0 if all nodes share one cluster. On a directed graph,
    :math:`\mathbf{d}` are the out-degrees, as in PyG's :class:`~torch_geometric.nn.DMoNPooling`.

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
        The loss; a graph whose weights sum to 0 has value 0 and no gradient.

    Raises:
        TypeError: If an argument has the wrong type or dtype.
        ValueError: If sizes or values are invalid (see :func:`coarsen`), or a row of :obj:`s` is
            not a probability distribution.

    Example:
        >>> import torch
        >>> s = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> modularity_loss(s, torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]]))
        tensor(-0.5000)
    """
    return loss_of_edges(
        MODULARITY,
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
    degrees = exact(level.out_degrees())
    inverse = inverse_or_zero(level.graphs.sum_rows(degrees))
    expected = pooling.sum_clusters(pooling.pool_values(degrees).square()) * inverse
    return ((expected - pooling.trace()) * inverse).to(pooling.loss_dtype())


MODULARITY = Objective(_values)
