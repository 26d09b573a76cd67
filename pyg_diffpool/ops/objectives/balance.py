r"""The objective of Just Balance: clusters that are balanced and certain."""

from __future__ import annotations

from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.conventions.base import square_root
from pyg_diffpool.ops.objectives.arguments import read_assignment, reduce_values
from pyg_diffpool.ops.objectives.objective import AnyPooling, Objective, cluster_counts
from pyg_diffpool.ops.precision import exact
from pyg_diffpool.ops.validation import check_flag


def balance_loss(
    s: Tensor,
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency | None = None,
    edge_weight: Tensor | None = None,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None = None,
    cluster_mask: Tensor | None = None,
    normalize: bool = True,
    reduction: str = "mean",
    max_num_nodes: int | None = None,
    validate: bool | None = None,
) -> Tensor:
    r"""Balance of the clusters, the objective of Just Balance.

    .. math::
        \mathcal{L}_b = - \frac{1}{\sqrt{n K}}
        \mathrm{tr} \left( \sqrt{\mathbf{S}^{\top} \mathbf{S}} \right)
        = - \frac{1}{\sqrt{n K}} \sum_{k=1}^{K}
        \Big( \sum_{i=1}^{n} \mathbf{S}_{ik}^2 \Big)^{1/2}

    with the root of each entry, as in the code of the author (`"Simplifying Clustering with Graph
    Neural Networks" <https://arxiv.org/abs/2207.08779>`_). It is -1 for hard clusters of equal
    size. Only the diagonal of :math:`\mathbf{S}^{\top} \mathbf{S}` is needed.

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
        normalize: Whether to divide by :math:`\sqrt{n K}`. (default: :obj:`True`)
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
        >>> balance_loss(torch.eye(4)), balance_loss(torch.eye(4)[[0, 0, 0, 0]])
        (tensor(-1.), tensor(-0.5000))
    """
    check_flag("normalize", normalize)
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
    squares = given.graphs.sum_rows(exact(given.s).square())
    count = cluster_counts(given.s, given.clusters) if normalize else None
    values = _balance(square_root(squares).sum(-1), given.graphs.sizes, count)
    return reduce_values(values.to(given.dtype), reduction)


def _balance(roots: Tensor, nodes: Tensor, count: int | Tensor | None) -> Tensor:
    """Return the value of each graph in float64, given the sum of its clusters' roots."""
    total = -roots
    return total if count is None else total / (count * exact(nodes.clamp(min=1))).sqrt()


def _values(pooling: AnyPooling) -> Tensor:
    roots = pooling.sum_clusters(square_root(pooling.gram_diagonal()))
    values = _balance(roots, pooling.level.graphs.sizes, pooling.cluster_counts())
    return values.to(pooling.loss_dtype())


BALANCE = Objective(_values)
