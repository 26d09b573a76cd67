r"""The orthogonality objective of MinCut: clusters of equal size that do not overlap."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.aggregation import inverse_or_zero
from pyg_diffpool.ops.contract.sparse_coarsening import ClusterMatrix
from pyg_diffpool.ops.conventions.base import square_root
from pyg_diffpool.ops.level import gram_matrices
from pyg_diffpool.ops.objectives.arguments import read_assignment, reduce_values
from pyg_diffpool.ops.objectives.objective import AnyPooling, Objective
from pyg_diffpool.ops.objectives.sparse_pooling import SparsePooling
from pyg_diffpool.ops.precision import exact


def orthogonality_loss(
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
    r"""Distance between the normalised Gram matrix of an assignment and the identity.

    .. math::
        \mathcal{L}_o = \left\lVert \frac{\mathbf{S}^{\top} \mathbf{S}}
        {\lVert \mathbf{S}^{\top} \mathbf{S} \rVert_F} -
        \frac{\mathbf{I}_K}{\sqrt{K}} \right\rVert_F

    (`"Spectral Clustering with Graph Neural Networks for Graph Pooling"
    <https://arxiv.org/abs/1907.00481>`_.) It is 0 for hard clusters of equal size, and at most
    :math:`\sqrt{2}`.

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
        >>> orthogonality_loss(torch.eye(2)), orthogonality_loss(torch.tensor([[1.0, 0.0]]))
        (tensor(0.), tensor(0.7654))
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
    gram = gram_matrices(given.s, given.graphs)
    return reduce_values(_distance(gram, given.clusters).to(given.dtype), reduction)


def _distance(gram: Tensor, clusters: Tensor | None) -> Tensor:
    """Return the distance of each graph in float64; zero where there are no nodes."""
    gram = exact(gram)
    norm = square_root(gram.square().sum((1, 2)))
    scaled = gram * inverse_or_zero(norm).view(-1, 1, 1)
    used = torch.ones_like(gram[:1, 0]) if clusters is None else clusters.to(gram.dtype)
    identity = torch.diag_embed(used / used.sum(1, keepdim=True).clamp(min=1).sqrt())
    distance = square_root((scaled - identity).square().sum((1, 2)))
    return distance.masked_fill(norm == 0, 0.0)


def _values(pooling: AnyPooling) -> Tensor:
    if isinstance(pooling, SparsePooling):
        distance = _sparse_distance(pooling.gram)
    else:
        distance = _distance(pooling.coarsening.gram, pooling.clusters)
    return distance.to(pooling.loss_dtype())


def _sparse_distance(gram: ClusterMatrix) -> Tensor:
    """Return the same for sparse matrices, whose diagonals may lack entries."""
    norm = square_root(gram.squared_norm())
    graph = gram.graph
    scaled = gram.value * inverse_or_zero(norm)[graph]
    own = exact(gram.clusters.sizes).clamp(min=1).rsqrt()
    diagonal = gram.pattern.row == gram.pattern.col
    entries = gram.sum((scaled - diagonal * own[graph]).square())
    absent = gram.clusters.sizes - gram.sum(exact(diagonal))
    distance = square_root(entries + absent * own.square())
    return distance.masked_fill(norm == 0, 0.0)


ORTHOGONALITY = Objective(_values)
