r"""The operator ``pyg_diffpool::contract``: all that a pooling needs of a batch, in one pass.

One sparse product :math:`\mathbf{P} = \mathbf{A}^{\top} \mathbf{S}` and one ragged product
:math:`\mathbf{S}^{\top} [\mathbf{X} | \mathbf{P} | \mathbf{S}] = [\mathbf{X}' | \mathbf{A}'^{\top}
| \mathbf{G}]`, from which the distances to the predicted adjacency follow.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.backends import Contractions, plain_contract
from pyg_diffpool.ops.contraction_gradient import contraction_gradient
from pyg_diffpool.ops.distances import (
    exactly,
    identity_terms,
    in_float64,
    near_optimum,
    squared_norms,
)
from pyg_diffpool.ops.library import operator
from pyg_diffpool.ops.operator_level import LEVEL_SIGNATURE, Level
from pyg_diffpool.ops.precision import accumulation_dtype, exact, without_autocast
from pyg_diffpool.ops.segments import Segments
from pyg_diffpool.ops.sparse_product import plain_product


class Contraction(NamedTuple):
    """Results: (B, K, F), (B, K, K), (B, K, K), and ‖A - SSᵀ‖² in float64, (B) or empty."""

    pooled: Tensor
    adj: Tensor
    gram: Tensor
    distances: Tensor


def contract(
    x: Tensor,
    s: Tensor,
    adjacency: Adjacency,
    graphs: Segments,
    backend: str = "auto",
    *,
    distances: bool,
) -> Contraction:
    """Contract checked arguments, with the squared distances if so wished."""
    results = _contract(x, s, *Level(adjacency, graphs, backend).arguments(), distances)
    return Contraction(*results[:4])


def _forward(x: Tensor, s: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    *level_arguments, distances = arguments
    level = Level.of(tuple(level_arguments))
    if x.size(0) == 0 or level.graphs.batch_size == 0:
        return tuple(result.zero_() for result in _results(x, s, level, distances, kept=0))
    dtype = _accumulation_dtype(x, s, level.adjacency)
    with without_autocast(x):
        rows, wide = level.operands(x, s, dtype)
        out = level.multiply(rows, wide)
        if distances:
            squared, near = _squared_distances(level, wide, out)
        else:
            squared, near = _no_distances(wide, 0)
    adj = out.product if level.adjacency.undirected else out.product.transpose(1, 2).contiguous()
    pooled = out.pooled.to(torch.promote_types(x.dtype, s.dtype))
    return pooled, adj, out.gram, squared, near, out.kept


def _plain(x: Tensor, s: Tensor, *arguments: Any) -> Contraction:
    """Do the same in PyTorch's own operations, of which none looks at a value."""
    *level_arguments, distances = arguments
    level = Level.of(tuple(level_arguments))
    dtype = _accumulation_dtype(x, s, level.adjacency)
    with without_autocast(x):
        rows, wide = x.to(dtype), s.to(dtype)
        squared, _ = _no_distances(wide, 0)
        if distances:
            # Whether the terms of the identity will cancel is not known.
            rows, wide = exact(rows), exact(wide)
        pooled, product, gram = plain_contract(
            level.graphs, rows, plain_product(level.adjacency, wide), wide
        )
        if distances:
            norms = squared_norms(level.adjacency, level.graphs)
            squared = norms + identity_terms(product, gram)
    pooled = pooled.to(torch.promote_types(x.dtype, s.dtype))
    return Contraction(pooled, product.transpose(1, 2).to(dtype), gram.to(dtype), squared)


def _fake(x: Tensor, s: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    *level_arguments, distances = arguments
    kept = torch.library.get_ctx().new_dynamic_size()
    return _results(x, s, Level.of(tuple(level_arguments)), distances, kept)


def _results(
    x: Tensor, s: Tensor, level: Level, distances: bool, kept: int | torch.SymInt
) -> tuple[Tensor, ...]:
    """Return empty results."""
    dtype = _accumulation_dtype(x, s, level.adjacency)
    batch_size, clusters = level.graphs.batch_size, s.size(1)
    pooled_dtype = torch.promote_types(x.dtype, s.dtype)
    return (
        x.new_empty(batch_size, clusters, x.size(1), dtype=pooled_dtype),
        s.new_empty(batch_size, clusters, clusters, dtype=dtype),
        s.new_empty(batch_size, clusters, clusters, dtype=dtype),
        *_no_distances(s.to(dtype), batch_size if distances else 0),
        s.new_empty(kept, dtype=dtype),
    )


def _accumulation_dtype(x: Tensor, s: Tensor, adjacency: Adjacency) -> torch.dtype:
    weight = x if adjacency.weight is None else adjacency.weight
    return accumulation_dtype(x.dtype, s.dtype, weight.dtype)


def _no_distances(s: Tensor, count: int) -> tuple[Tensor, Tensor]:
    return exact(s.new_empty(count)), s.new_empty(count, dtype=torch.bool)


def _squared_distances(level: Level, s: Tensor, out: Contractions) -> tuple[Tensor, Tensor]:
    """Return ‖A - SSᵀ‖² of each graph, and which took products in float64, as others cancel."""
    norms = squared_norms(level.adjacency, level.graphs)
    squared = norms + identity_terms(out.product, out.gram)
    near = near_optimum(squared, norms)
    chosen = in_float64(near, s)
    if chosen is not None:
        kept, s, _, _ = exactly(chosen, level, s)
        terms = kept.multiply(s[:, :0], s)
        squared[chosen] = norms[chosen] + identity_terms(terms.product, terms.gram)
    return squared, near


def _setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, s, *level, ctx.width, ctx.backend, ctx.distances = inputs
    _, _, gram, _, near, kept = output
    tensors = [argument for argument in level if not isinstance(argument, bool)]
    ctx.coalesced = level[6]
    ctx.save_for_backward(x, s, kept, gram, near, *tensors)
    ctx.mark_non_differentiable(near, kept)
    ctx.set_materialize_grads(False)


def _restore(ctx: Any) -> tuple[Any, ...]:
    x, s, _, _, _, *adjacency, batch, ptr = ctx.saved_tensors
    graphs = (batch, ptr, ctx.width, ctx.backend)
    return (x, s, *adjacency, ctx.coalesced, *graphs, ctx.distances)


def _backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
    *saved, rowptr, col, target, weight, symmetric, transposed, batch, ptr = ctx.saved_tensors
    adjacency = (rowptr, col, target, weight, symmetric, transposed, ctx.coalesced)
    needs = [ctx.needs_input_grad[position] for position in (0, 1, 5)]
    found = contraction_gradient(
        *gradients[:4], *saved, *adjacency, batch, ptr, ctx.width, ctx.backend, *needs
    )
    onto = [slope if needed else None for slope, needed in zip(found, needs, strict=True)]
    return (*onto[:2], None, None, None, onto[2], *[None] * 8)


_contract = operator(
    "contract",
    f"(Tensor x, Tensor s, {LEVEL_SIGNATURE}, bool distances) -> "
    "(Tensor pooled, Tensor adj, Tensor gram, Tensor squared, Tensor near, Tensor kept)",
    _forward,
    _fake,
    _setup,
    _backward,
    _plain,
    _restore,
)
