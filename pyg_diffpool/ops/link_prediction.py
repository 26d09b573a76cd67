r"""How well an assignment predicts the edges: :math:`\mathbf{A}` against SSᵀ."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.contraction import contract
from pyg_diffpool.ops.dense_coarsen import mask_adjacency, mask_rows, node_counts
from pyg_diffpool.ops.level import dense_level, is_dense_level, sparse_level
from pyg_diffpool.ops.pairwise_cross_entropy import dense_cross_entropy, sparse_cross_entropy
from pyg_diffpool.ops.precision import accumulation_dtype, exact, without_autocast
from pyg_diffpool.ops.reduction import at_least_one, check_convention, reduce_graphs
from pyg_diffpool.ops.segments import Segments
from pyg_diffpool.ops.validation import (
    check_assignment,
    check_choice,
    check_distributions,
    check_flag,
)


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
    r"""Distance between the adjacency matrix and the one that the assignment predicts.

    .. math::
        \mathcal{L}_{LP} = \lVert \mathbf{A} - \mathbf{S} \mathbf{S}^{\top} \rVert_F, \qquad
        \lVert \mathbf{A} - \mathbf{S} \mathbf{S}^{\top} \rVert_F^2 = \lVert \mathbf{A} \rVert_F^2
        - 2\, \mathrm{tr}(\mathbf{S}^{\top} \mathbf{A} \mathbf{S})
        + \lVert \mathbf{S}^{\top} \mathbf{S} \rVert_F^2

    (Section 3.3 of `"Hierarchical Graph Representation Learning with Differentiable Pooling"
    <https://arxiv.org/abs/1806.08804>`_.) The identity on the right makes it linear in nodes and
    edges. Where its terms cancel, they are computed in float64.

    Args:
        s: Assignment probabilities :math:`(N, K)`, or :math:`(B, N, K)` on a dense level.
        edge_index: As in :func:`coarsen`; adjacency matrices :math:`(B, N, N)` on a dense level.
        edge_weight: Weights :math:`(|\mathcal{E}|)`. (default: :obj:`None`, all one)
        batch: Graph of each node, sorted, :math:`(N)`. (default: :obj:`None`, a single graph)
        batch_size: Number of graphs. (default: the last entry of :obj:`batch` plus one)
        mask: On a dense level, which rows are nodes, :math:`(B, N)`. (default: all)
        convention: :obj:`"paper"`: the norm above for each graph, mean over graphs, an empty one
            counting as 0. :obj:`"reference"`: what the authors' code minimises, the binary cross
            entropy of :math:`\mathbf{A}` (duplicates clamped to 1) against
            :math:`\min(\mathbf{S} \mathbf{S}^{\top}, 1)`, summed over all :math:`n^2` pairs;
            its mean is over the pairs of the batch. :obj:`"pyg"`: the number of
            :func:`torch_geometric.nn.dense_diff_pool`, one norm over the padded batch.
            (default: :obj:`"paper"`)
        scale: :obj:`"nodes"` divides each graph's norm under :obj:`"paper"` by its number of
            nodes, so that large graphs do not outweigh small ones. (default: :obj:`None`)
        reduction: :obj:`"mean"`, :obj:`"sum"` or :obj:`"none"` (one value a graph).
            (default: :obj:`"mean"`)
        max_num_nodes: Rows of a padded graph under :obj:`"pyg"`. (default: the largest graph)
        normalize: Whether :obj:`"pyg"` divides by :math:`B \cdot N_{\max}^2`.
            (default: :obj:`True`)
        validate: Whether to check values. (default: :obj:`None`, on the CPU only)

    Raises:
        TypeError: If an argument is of the wrong type or dtype.
        ValueError: If sizes or values do not fit (see :func:`coarsen`), a row of :obj:`s` is no
            probability distribution (on a dense level, zeros may stand for padding), a weight lies
            outside :math:`[0, 1]` under :obj:`"reference"`, or :obj:`"pyg"` is to be reduced
            otherwise than by mean.

    Example:
        >>> s = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> edge_index = torch.tensor([[0, 1], [1, 0]])
        >>> link_prediction_loss(s, edge_index)  # only the diagonal of SSᵀ is not an edge
        tensor(1.7321)
    """
    check_convention(convention, reduction)
    check_choice("scale", scale, (None, "nodes"))
    probabilities = convention == "reference"
    check_flag("normalize", normalize)
    if is_dense_level(s, edge_index):
        level = dense_level(
            {"s": s},
            edge_index,
            edge_weight,
            batch,
            batch_size,
            mask=mask,
            max_num_nodes=max_num_nodes,
            validate=validate,
            probabilities=probabilities,
        )
        # PyG's numbers count what graphs share once.
        (s,), adj, mask = level if convention == "pyg" else level.expanded()
        check_distributions(s, validate, padded=True, mask=mask)
        values = dense_link_loss(s, adj, mask, convention, scale, normalize)
        sizes = node_counts(adj, mask)
    else:
        adjacency, graphs = sparse_level(
            "s",
            s,
            edge_index,
            edge_weight,
            batch,
            batch_size,
            mask=mask,
            max_num_nodes=max_num_nodes,
            validate=validate,
            probabilities=probabilities,
        )
        check_assignment(s, (s.size(0),))
        check_distributions(s, validate)
        distances = s.new_empty(0)
        if convention != "reference":
            distances = contract(s[:, :0], s, adjacency, graphs, distances=True).distances
        values = sparse_link_loss(s, adjacency, graphs, distances, convention, scale, normalize)
        sizes = graphs.sizes
    return reduce_graphs(values, sizes, convention, reduction, pairs=True)


def sparse_link_loss(
    s: Tensor,
    adjacency: Adjacency,
    graphs: Segments,
    distances: Tensor,
    convention: str,
    scale: str | None,
    normalize: bool,
) -> Tensor:
    """Return the loss of each graph (a scalar under ``pyg``)."""
    dtype = accumulation_dtype(s.dtype)
    if convention == "reference":
        return sparse_cross_entropy(s, adjacency.coalesce(), graphs).to(dtype)
    if convention == "paper":
        return _scaled(_square_root(distances), graphs.sizes, scale).to(dtype)
    norm = _square_root(distances.sum())
    if normalize:
        norm = norm / at_least_one(graphs.batch_size * graphs.padded_width() ** 2)
    return norm.to(dtype)


def dense_link_loss(
    s: Tensor,
    adj: Tensor,
    mask: Tensor | None,
    convention: str,
    scale: str | None,
    normalize: bool,
) -> Tensor:
    """Return the loss of each graph of a dense level (a scalar under ``pyg``)."""
    dtype = accumulation_dtype(s.dtype, adj.dtype)
    sizes = node_counts(adj, mask)
    s = mask_rows(s, mask).to(dtype)
    # PyG does not mask the adjacency matrix, so that what stands in its padding counts.
    adj = (adj if convention == "pyg" else mask_adjacency(adj, mask)).to(dtype)
    if convention == "reference":
        return dense_cross_entropy(s, adj, mask).to(dtype)
    with without_autocast(s):
        difference = exact(adj - s @ s.transpose(1, 2))
    squared = difference.square().sum((1, 2))
    if convention == "pyg":
        entries = adj.numel() if normalize else 1
        return (_square_root(squared.sum()) / max(entries, 1)).to(dtype)
    return _scaled(_square_root(squared), sizes, scale).to(dtype)


def _scaled(norm: Tensor, sizes: Tensor, scale: str | None) -> Tensor:
    return norm / sizes.clamp(min=1) if scale == "nodes" else norm


def _square_root(squared: Tensor) -> Tensor:
    """Root whose derivatives at zero are zero; rounding may have left zero slightly negative."""
    # Higher derivatives must not overflow above it, and no norm is as small, but by cancellation.
    zero = squared <= torch.finfo(squared.dtype).tiny ** 0.5
    return squared.masked_fill(zero, 1.0).sqrt().masked_fill(zero, 0.0)
