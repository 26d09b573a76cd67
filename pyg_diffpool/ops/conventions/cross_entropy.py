r"""The link prediction objective of the authors' code: a cross-entropy over all pairs of nodes.

.. math::
    \mathcal{L}_{LP} = - \sum_{u, v} \mathbf{A}_{uv} \log(p_{uv} + \epsilon)
    + (1 - \mathbf{A}_{uv}) \log(1 - p_{uv} + \epsilon), \qquad
    p_{uv} = \min(\mathbf{s}_u^{\top} \mathbf{s}_v, 1)

It does not factorise, so that all :math:`n^2` pairs of a graph are evaluated. This is done tile by
tile, and tiles are recomputed in the backward pass, so that memory stays linear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from pyg_diffpool.ops.conventions.pair_tiles import Pairs, Tile, read_pairs, tiles
from pyg_diffpool.ops.level import LEVEL_STRUCTURE, DenseLevel, Level, SparseLevel, mask_adjacency
from pyg_diffpool.ops.operator import (
    Arguments,
    Gradients,
    is_differentiated_again,
    operator,
    plain_gradients,
    register,
)
from pyg_diffpool.ops.precision import accumulation_dtype, exact, without_autocast
from pyg_diffpool.ops.transforms import transformed

REFERENCE_EPSILON = 1e-7


def pairwise_cross_entropy(s: Tensor, level: Level) -> Tensor:
    """Return the sum over all pairs of nodes of each graph, in float64.

    Sparse and dense levels have separate implementations, since pairs are stored differently.
    """
    if isinstance(level, DenseLevel):
        return _of_matrices(s, level)
    weight = level.adjacency.weight
    totals: Tensor = _CROSS_ENTROPY.way(s, weight)(s, weight, level)
    return totals


def _of_matrices(s: Tensor, level: DenseLevel) -> Tensor:
    mask, dtype = level.mask, level.loss_dtype(s)
    s = level.graphs.mask_rows(s).to(dtype)
    adj = mask_adjacency(level.adj, mask).to(dtype)
    valid = torch.ones_like(adj, dtype=torch.bool)
    if mask is not None:
        valid = mask.unsqueeze(1) & mask.unsqueeze(2)
    with without_autocast(s):
        return _cross_entropy(adj, s @ s.transpose(1, 2), valid)


def _cross_entropy(adj: Tensor, predicted: Tensor, valid: Tensor) -> Tensor:
    # The gradient of clamp at its bound is 1 before PyTorch 2.15, and 0 since: here it is 1.
    adj = torch.where(adj > 1, 1.0, adj)
    present, absent = _logarithms(torch.where(predicted < 1, predicted, 1.0))
    entropy = -adj * present - (1 - adj) * absent
    return exact(entropy.masked_fill(~valid, 0.0)).sum((1, 2))


def _logarithms(predicted: Tensor) -> tuple[Tensor, Tensor]:
    present = torch.log(predicted + REFERENCE_EPSILON)
    return present, torch.log(1 - predicted + REFERENCE_EPSILON)


def _tile_loss(s: Tensor, weight: Tensor | None, level: SparseLevel, tile: Tile) -> Tensor:
    """Return the sum over the pairs of a tile, for each of its graphs, in float64."""
    with without_autocast(s):
        pairs = read_pairs(s, weight, level, tile)
        predicted = pairs.s[:, tile.rows] @ pairs.s.transpose(1, 2)
        return _cross_entropy(pairs.adj, predicted, pairs.valid)


def _over_tiles(
    visit: Callable[..., Tensor], s: Tensor, weight: Tensor | None, level: SparseLevel
) -> Tensor:
    """Sum the results of :obj:`visit` over the tiles of each graph."""
    totals = exact(s.new_zeros(level.graphs.batch_size))
    for tile in tiles(level.graphs):
        graphs = torch.arange(tile.first_graph, tile.last_graph, device=s.device)
        totals = totals.index_add(0, graphs, visit(s, weight, level, tile))
    return totals


def _plain(s: Tensor, weight: Tensor | None, level: SparseLevel) -> Tensor:
    """Compute the loss with PyTorch operations; tiles are recomputed in every backward pass."""
    # Function transforms do not support checkpointing: all tiles are kept in memory.
    visit = _tile_loss if transformed() else partial(checkpoint, _tile_loss, use_reentrant=False)
    return _over_tiles(visit, s, weight, level)


class _CrossEntropy(torch.autograd.Function):
    """The operator in eager mode, which takes the level as one object."""

    @staticmethod
    def forward(ctx: Any, s: Tensor, weight: Tensor | None, level: SparseLevel) -> Tensor:
        """Evaluate all pairs; :obj:`weight` is the level's, passed separately for autograd."""
        if ctx is not None:
            ctx.save_for_backward(s, weight)
            ctx.level = level
        return _over_tiles(_tile_loss, s, weight, level)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        """Return the gradients of assignment and weights."""
        s, weight = ctx.saved_tensors
        if is_differentiated_again((grad,)):
            arguments = (s, weight, ctx.level)
            return plain_gradients(_plain, arguments, ctx.needs_input_grad, (grad,))
        needs_s, needs_weight, _ = ctx.needs_input_grad
        return (*_gradients(grad, s, weight, ctx.level, needs_s, needs_weight), None)


def _gradients(
    grad: Tensor,
    s: Tensor,
    weight: Tensor | None,
    level: SparseLevel,
    needs_s: bool,
    needs_weight: bool,
) -> tuple[Tensor | None, Tensor | None]:
    """Evaluate all pairs again, and return the gradients of assignment and weights if needed."""
    dtype = accumulation_dtype(s.dtype)
    onto_s = s.new_zeros(s.shape, dtype=dtype) if needs_s else None
    onto_weight = None
    if weight is not None and needs_weight:
        onto_weight = weight.new_zeros(weight.shape, dtype=dtype)
    with without_autocast(s):
        for tile in tiles(level.graphs):
            pairs = read_pairs(s, weight, level, tile)
            of_graphs = grad[tile.first_graph : tile.last_graph].to(dtype).view(-1, 1, 1)
            predicted = pairs.s[:, tile.rows] @ pairs.s.transpose(1, 2)
            if onto_s is not None:
                columns = _onto_columns(pairs, tile, predicted, of_graphs)
                onto_s[pairs.first_node : pairs.last_node] += columns[pairs.nodes]
            if onto_weight is not None:
                present, absent = _logarithms(torch.where(predicted < 1, predicted, 1.0))
                # Sums of duplicates that are clamped have no gradient.
                slope = ((absent - present) * of_graphs).masked_fill(pairs.adj > 1, 0.0)
                onto_weight[pairs.edges] = slope[pairs.entries]
    return (
        None if onto_s is None else onto_s.to(s.dtype),
        None if weight is None or onto_weight is None else onto_weight.to(weight.dtype),
    )


def _onto_columns(pairs: Pairs, tile: Tile, predicted: Tensor, grad: Tensor) -> Tensor:
    """Return the gradient of the nodes of a tile, which occur in its rows and its columns."""
    counts = pairs.valid & (predicted < 1)
    adj = pairs.adj.clamp(max=1)
    slope = (1 - adj) / (1 - predicted + REFERENCE_EPSILON) - adj / (predicted + REFERENCE_EPSILON)
    slope = (slope * grad).masked_fill(~counts, 0.0)
    onto = slope.transpose(1, 2) @ pairs.s[:, tile.rows]
    onto[:, tile.rows] += slope @ pairs.s
    return onto


def _fake(s: Tensor, weight: Tensor | None, level: SparseLevel) -> Tensor:
    return exact(s.new_empty(level.graphs.batch_size))


def _flatten(s: Tensor, weight: Tensor | None, level: SparseLevel) -> Arguments:
    return (s, weight, *level.structure())


def _unflatten(s: Tensor, weight: Tensor | None, *structure: Any) -> Arguments:
    return s, weight, SparseLevel.of(weight, structure)


def _gradient(
    flat: Arguments, results: Sequence[Tensor], onto: Gradients, needed: tuple[bool, ...]
) -> Gradients:
    needs = needed[:2]
    found = _gradient_operator(*onto, *flat, *needs)
    return tuple(slope if need else None for slope, need in zip(found, needs, strict=True))


def _gradient_kernel(
    grad: Tensor, s: Tensor, weight: Tensor | None, *rest: Any
) -> tuple[Tensor, Tensor]:
    """Return the gradients, empty if not needed."""
    *structure, needs_s, needs_weight = rest
    level = SparseLevel.of(weight, structure)
    onto_s, onto_weight = _gradients(grad, s, weight, level, needs_s, needs_weight)
    nothing = s.new_empty(0)
    return (
        nothing if onto_s is None else onto_s,
        nothing.clone() if onto_weight is None else onto_weight,
    )


def _gradient_fake(
    grad: Tensor, s: Tensor, weight: Tensor | None, *rest: Any
) -> tuple[Tensor, Tensor]:
    *_, needs_s, needs_weight = rest
    nothing = s.new_empty(0)
    onto_s = torch.empty_like(s) if needs_s else nothing
    if weight is None or not needs_weight:
        return onto_s, nothing.clone()
    return onto_s, torch.empty_like(weight)


_gradient_operator = register(
    "cross_entropy_gradient",
    f"(Tensor grad, Tensor s, Tensor? weight, {LEVEL_STRUCTURE}, bool needs_s, bool needs_weight) "
    "-> (Tensor, Tensor)",
    _gradient_kernel,
    _gradient_fake,
)
_CROSS_ENTROPY = operator(
    "cross_entropy",
    f"(Tensor s, Tensor? weight, {LEVEL_STRUCTURE}) -> Tensor",
    _CrossEntropy,
    _plain,
    _fake,
    _gradient,
    _flatten,
    _unflatten,
)
