r"""The collapse objective of DMoN: how unequal the sizes of the clusters are."""

from __future__ import annotations

from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.conventions.base import square_root
from pyg_diffpool.ops.objectives.arguments import read_assignment, reduce_values
from pyg_diffpool.ops.objectives.objective import AnyPooling, Objective, cluster_counts
from pyg_diffpool.ops.precision import exact


def collapse_loss(
    s: Tensor,
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency | None = None,
    edge_weight: Tensor | None = None,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None = None,
    cluster_mask: Tensor | None = None,
    reduction: str = "mean",
    max_num_nodes: int | None = None,
    validate: bool | None = None,
) -> Tensor:
    r"""Collapse regularisation of the cluster sizes.

    .. math::
        \mathcal{L}_c = \frac{\sqrt{K}}{n}
        \left\lVert \sum_{i=1}^{n} \mathbf{S}_i \right\rVert - 1

    (`"Graph Clustering with Graph Neural Networks" <https://arxiv.org/abs/2006.16904>`_.) It is 0
    for clusters of equal size, and :math:`\sqrt{K} - 1` if all nodes share one.

    Args:
        s: Assignment probabilities :math:`(N, K)`, or :math:`(B, N, K)` on a dense level.
        edge_index: As in :func:`coarsen`. The loss does not depend on the edges, which are only
            checked. (default: :obj:`None`)
        edge_weight: Weights :math:`(|\mathcal{E}|)`. (default: :obj:`None`)
        batch: Graph of each node, sorted, :math:`(N)`. (default: :obj:`None`, a single graph)
        batch_size: Number of graphs. (default: the last entry of :obj:`batch` plus one)
        mask: On a dense level, mask of the rows that are nodes, :math:`(B, N)`. (default: all)
        cluster_mask: Mask of the clusters that each graph uses, :math:`(B, K)`; :math:`K` is their
            number. (default: all)
        reduction: :obj:`"mean"`, :obj:`"sum"` or :obj:`"none"` (one value per graph).
            (default: :obj:`"mean"`)
        max_num_nodes: See :func:`coarsen`. (default: computed)
        validate: Whether to check values. (default: :obj:`None`, on the CPU only)

    Returns:
        The loss; an empty graph has value 0.

    Raises:
        TypeError: If an argument has the wrong type or dtype.
        ValueError: If sizes or values are invalid, or a row of :obj:`s` is not a probability
            distribution.

    Example:
        >>> import torch
        >>> collapse_loss(torch.eye(4)), collapse_loss(torch.eye(4)[[0, 0, 0, 0]])
        (tensor(0.), tensor(1.))
    """
    given = read_assignment(
        s,
        edge_index,
        edge_weight,
        batch,
        batch_size,
        mask=mask,
        cluster_mask=cluster_mask,
        reduction=reduction,
        max_num_nodes=max_num_nodes,
        validate=validate,
    )
    sizes = given.graphs.sum_rows(exact(given.s))
    squared = sizes.square().sum(-1)
    values = _inequality(squared, given.graphs.sizes, cluster_counts(given.s, given.clusters))
    return reduce_values(values.to(given.dtype), reduction)


def _inequality(squared: Tensor, nodes: Tensor, count: int | Tensor) -> Tensor:
    """Return the value of each graph in float64, given the sum of its clusters' squared sizes."""
    values = square_root(squared) * count**0.5 / nodes.clamp(min=1) - 1
    return values.masked_fill(nodes == 0, 0.0)


def _values(pooling: AnyPooling) -> Tensor:
    squared = pooling.sum_clusters(pooling.pool_values().square())
    values = _inequality(squared, pooling.level.graphs.sizes, pooling.cluster_counts())
    return values.to(pooling.loss_dtype())


COLLAPSE = Objective(_values)
