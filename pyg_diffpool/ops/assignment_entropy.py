"""How far assignments are from one-hot."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pyg_diffpool.ops.dense_coarsen import mask_rows, node_counts
from pyg_diffpool.ops.level import dense_rows, is_dense_level, refuse_mask
from pyg_diffpool.ops.library import differentiable
from pyg_diffpool.ops.precision import accumulation_dtype, exact, without_autocast
from pyg_diffpool.ops.reduction import at_least_one, check_convention, reduce_graphs
from pyg_diffpool.ops.segments import Segments, segments
from pyg_diffpool.ops.validation import (
    check_assignment,
    check_distributions,
    check_flag,
    check_floating,
)

PYG_EPSILON = 1e-15


def assignment_entropy(
    s: Tensor,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None = None,
    convention: str = "paper",
    reduction: str = "mean",
    max_num_nodes: int | None = None,
    validate: bool | None = None,
) -> Tensor:
    r"""Mean entropy of the rows of an assignment matrix.

    .. math::
        \mathcal{L}_E = \frac{1}{n} \sum_{i=1}^{n} H(\mathbf{S}_i), \qquad
        H(\mathbf{S}_i) = - \sum_{k} \mathbf{S}_{ik} \log \mathbf{S}_{ik}

    (Section 3.3 of `"Hierarchical Graph Representation Learning with Differentiable Pooling"
    <https://arxiv.org/abs/1806.08804>`_), in nats. One-hot rows and masked clusters have zero
    entropy and zero gradient.

    Args:
        s: Assignment probabilities :math:`(N, K)`, or :math:`(B, N, K)` on a dense level.
        batch: Graph of each node, sorted, :math:`(N)`. (default: :obj:`None`, a single graph)
        batch_size: Number of graphs. (default: the last entry of :obj:`batch` plus one)
        mask: On a dense level, which rows are nodes, :math:`(B, N)`. (default: all)
        convention: :obj:`"paper"`: mean over a graph's nodes, then over graphs, an empty one
            counting as 0. :obj:`"reference"`: sum over a graph's nodes, mean over all nodes of the
            batch. :obj:`"pyg"`: the number of :func:`torch_geometric.nn.dense_diff_pool`, a mean
            over padded rows. (default: :obj:`"paper"`)
        reduction: :obj:`"mean"`, :obj:`"sum"` or :obj:`"none"` (one value a graph).
            (default: :obj:`"mean"`)
        max_num_nodes: Rows of a padded graph under :obj:`"pyg"`. (default: the largest graph)
        validate: Whether to check values. (default: :obj:`None`, on the CPU only)

    Raises:
        ValueError: If sizes do not match, a row of :obj:`s` is no probability distribution (on a
            dense level, zeros may stand for padding), or :obj:`"pyg"` is to be reduced otherwise
            than by mean.

    Example:
        >>> assignment_entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
        tensor(0.3466)
    """
    check_convention(convention, reduction)
    check_flag("validate", validate, optional=True)
    if is_dense_level(s):
        check_assignment(s, tuple(s.shape[:2]))
        mask = dense_rows(s, batch, batch_size, mask, max_num_nodes, validate)
        check_distributions(s, validate, padded=True, mask=mask)
        rows = row_entropy(mask_rows(s, mask), convention)
        values = dense_entropy(rows, mask, convention)
        sizes = node_counts(rows, mask)
    else:
        check_floating("s", s, 2)
        check_assignment(s, (s.size(0),))
        refuse_mask(mask)
        check_distributions(s, validate)
        graphs = segments(s.size(0), batch, batch_size, max_num_nodes, s.device, validate)
        values = sparse_entropy(row_entropy(s, convention), graphs, convention)
        sizes = graphs.sizes
    return reduce_graphs(values, sizes, convention, reduction, pairs=False)


def sparse_entropy(rows: Tensor, graphs: Segments, convention: str) -> Tensor:
    """Return the entropy of each graph (the mean of all under ``pyg``) from that of each row."""
    if convention == "pyg":
        return rows.sum() / at_least_one(graphs.batch_size * graphs.padded_width())
    total = exact(rows.new_zeros(graphs.batch_size)).index_add(0, graphs.batch, exact(rows))
    return _per_graph(total, graphs.sizes, convention).to(rows.dtype)


def dense_entropy(rows: Tensor, mask: Tensor | None, convention: str) -> Tensor:
    """Return the entropy of each graph (the mean of all under ``pyg``) from that of rows (B, N)."""
    if mask is not None:
        rows = rows.masked_fill(~mask, 0.0)
    if convention == "pyg":
        return rows.sum() / max(rows.numel(), 1)
    return _per_graph(rows.sum(1), node_counts(rows, mask), convention)


def _per_graph(total: Tensor, sizes: Tensor, convention: str) -> Tensor:
    return total if convention == "reference" else total / sizes.clamp(min=1)


def row_entropy(s: Tensor, convention: str) -> Tensor:
    """Return the entropy of each row, (N) or (B, N)."""
    with without_autocast(s):
        s = s.to(accumulation_dtype(s.dtype))
        if convention == "pyg":
            return -(s * torch.log(s + PYG_EPSILON)).sum(-1)
        rows: Tensor = _entropy_of_rows(s)
        return rows


def _no_slope(s: Tensor) -> Tensor:
    """Where the slope, infinite at 0, counts as 0: there, at 1, and where 1/s would overflow."""
    return (s.abs() < torch.finfo(s.dtype).tiny).logical_or_(s == 1)


def _plain(s: Tensor) -> Tensor:
    rows: Tensor = torch.special.entr(s.masked_fill(_no_slope(s), 1.0)).sum(-1)
    return rows


def _forward(s: Tensor) -> Tensor:
    rows: Tensor = torch.special.entr(s).sum(-1)
    return rows


def _setup(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _restore(ctx: Any) -> tuple[Tensor]:
    return (ctx.saved_tensors[0],)


def _backward(ctx: Any, grad: Tensor) -> Tensor:
    s: Tensor = ctx.saved_tensors[0]
    slope = s.log().add_(1).neg_().masked_fill_(_no_slope(s), 0.0)
    return slope.mul_(grad.unsqueeze(-1))


_entropy_of_rows = differentiable("row_entropy", _forward, _setup, _backward, _plain, _restore)
