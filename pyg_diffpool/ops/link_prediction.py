r"""How well an assignment predicts the edges: :math:`\mathbf{A}` against SSᵀ."""

from __future__ import annotations

from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.conventions import read_convention
from pyg_diffpool.ops.level import read_level
from pyg_diffpool.ops.objectives import OBJECTIVES
from pyg_diffpool.ops.validation import check_distributions


def link_prediction_loss(
    s: Tensor,
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
    edge_weight: Tensor | None = None,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None = None,
    convention: str = "paper",
    scale: str | None = None,
    reduction: str = "mean",
    max_num_nodes: int | None = None,
    normalize: bool = True,
    validate: bool | None = None,
) -> Tensor:
    r"""Distance between the adjacency matrix and the one predicted by the assignment.

    .. math::
        \mathcal{L}_{LP} = \lVert \mathbf{A} - \mathbf{S} \mathbf{S}^{\top} \rVert_F, \qquad
        \lVert \mathbf{A} - \mathbf{S} \mathbf{S}^{\top} \rVert_F^2 = \lVert \mathbf{A} \rVert_F^2
        - 2\, \mathrm{tr}(\mathbf{S}^{\top} \mathbf{A} \mathbf{S})
        + \lVert \mathbf{S}^{\top} \mathbf{S} \rVert_F^2

    (Section 3.3 of `"Hierarchical Graph Representation Learning with Differentiable Pooling"
    <https://arxiv.org/abs/1806.08804>`_.) With the identity on the right, time and memory are
    linear in nodes and edges. Terms that nearly cancel are computed in float64.

    Args:
        s: Assignment probabilities :math:`(N, K)`, or :math:`(B, N, K)` on a dense level.
        edge_index: As in :func:`coarsen`; adjacency matrices :math:`(B, N, N)` on a dense level.
        edge_weight: Weights :math:`(|\mathcal{E}|)`. (default: :obj:`None`, all one)
        batch: Graph of each node, sorted, :math:`(N)`. (default: :obj:`None`, a single graph)
        batch_size: Number of graphs. (default: the last entry of :obj:`batch` plus one)
        mask: On a dense level, mask of the rows that are nodes, :math:`(B, N)`. (default: all)
        convention: :obj:`"paper"`: the norm above for each graph (0 for an empty graph), mean over
            graphs. :obj:`"reference"`: the loss of the authors' code, the binary cross-entropy of
            :math:`\mathbf{A}` (duplicates clamped to 1) against
            :math:`\min(\mathbf{S} \mathbf{S}^{\top}, 1)`, summed over all :math:`n^2` pairs of
            nodes; the mean is over all pairs of the batch. :obj:`"pyg"`: the loss of
            :func:`torch_geometric.nn.dense_diff_pool`, one norm over the padded batch.
            (default: :obj:`"paper"`)
        scale: An option of :obj:`"paper"`: :obj:`"nodes"` divides each graph's norm by its number
            of nodes, so that large graphs do not outweigh small ones. (default: :obj:`None`)
        reduction: :obj:`"mean"`, :obj:`"sum"` or :obj:`"none"` (one value per graph).
            (default: :obj:`"mean"`)
        max_num_nodes: Number of rows of a padded graph with :obj:`"pyg"`.
            (default: the size of the largest graph)
        normalize: An option of :obj:`"pyg"`: whether the norm is divided by
            :math:`B \cdot N_{\max}^2`. (default: :obj:`True`)
        validate: Whether to check values. (default: :obj:`None`, on the CPU only)

    Raises:
        TypeError: If an argument has the wrong type or dtype.
        ValueError: If sizes or values are invalid (see :func:`coarsen`), a row of :obj:`s` is not a
            probability distribution (on a dense level, rows of zeros are accepted as padding), a
            weight is outside :math:`[0, 1]` with :obj:`"reference"`, the reduction is not
            :obj:`"mean"` with :obj:`"pyg"`, or the convention does not have an option.

    Example:
        >>> import torch
        >>> s = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> edge_index = torch.tensor([[0, 1], [1, 0]])
        >>> link_prediction_loss(s, edge_index)  # only the diagonal of SSᵀ is not an edge
        tensor(1.7321)
    """
    rule = read_convention(convention, scale=scale, normalize=normalize, reduction=reduction)
    level, (s,) = read_level(
        {"s": s},
        edge_index,
        edge_weight,
        batch,
        batch_size,
        mask=mask,
        max_num_nodes=max_num_nodes,
        validate=validate,
        probabilities=rule.probabilities,
        expand=not rule.counts_shared_once,
    )
    check_distributions(s, validate, padded=s.dim() == 3, mask=level.graphs.mask)
    squared = None if rule.distances is None else level.squared_distances(s, rule.distances)
    values = rule.link(s, level, squared)
    pairs = OBJECTIVES["link"].pairs
    return rule.reduce(values, level.graphs.sizes, reduction, pairs=pairs)
