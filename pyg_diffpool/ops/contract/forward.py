r"""Forward pass of the contractions of a sparse level: all products of a pooling at once.

It computes one sparse product :math:`\mathbf{P} = \mathbf{A}^{\top} \mathbf{S}` and one ragged
product :math:`\mathbf{S}^{\top} [\mathbf{X} | \mathbf{P} | \mathbf{S}] = [\mathbf{X}' |
\mathbf{A}'^{\top} | \mathbf{G}]`, from which the distances to the predicted adjacency follow. Only
:mod:`pyg_diffpool.ops.level.sparse` imports this module, and registers it as an operator.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.backends import Backend, backend_for, plain_contract
from pyg_diffpool.ops.backends.triton import Triton
from pyg_diffpool.ops.backends.triton import exact as kernels
from pyg_diffpool.ops.contract.backward import Cotangents, Needs, Saved, gradients
from pyg_diffpool.ops.contract.distance import (
    NEAR_OPTIMUM,
    exactly,
    identity_terms,
    in_float64,
    near_optimum,
    squared_norms,
)
from pyg_diffpool.ops.contract.sparse_graphs import SparseGraphs
from pyg_diffpool.ops.operator import Gradients, is_differentiated_again, plain_gradients
from pyg_diffpool.ops.precision import HALF, accumulation_dtype, exact, without_autocast
from pyg_diffpool.ops.sparse_product import plain_product, spmm


class Results(NamedTuple):
    r"""Results of the operator.

    Attributes:
        pooled: :math:`\mathbf{S}^{\top} \mathbf{X}`, (B, K, F).
        adj: :math:`\mathbf{S}^{\top} \mathbf{A} \mathbf{S}`, (B, K, K).
        gram: :math:`\mathbf{S}^{\top} \mathbf{S}`, (B, K, K).
        squared: :math:`\lVert \mathbf{A} - \mathbf{S} \mathbf{S}^{\top} \rVert_F^2` in float64,
            (B), or empty.
        near: Mask of the graphs whose products were computed in float64, (B), or empty.
        product: :math:`\mathbf{A}^{\top} \mathbf{S}`, (N, K), saved for the backward pass.
    """

    pooled: Tensor
    adj: Tensor
    gram: Tensor
    squared: Tensor
    near: Tensor
    product: Tensor


class Contract(torch.autograd.Function):
    """The operator in eager mode, which takes the level as one object."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        s: Tensor,
        weight: Tensor | None,
        level: SparseGraphs,
        backend: str,
        distances: bool,
    ) -> Results:
        """Contract; :obj:`weight` is that of the level, passed separately for autograd."""
        adjacency, graphs = level.adjacency, level.graphs
        dtype = _accumulation_dtype(x, s, weight)
        empty = x.size(0) == 0 or graphs.batch_size == 0
        with without_autocast(x):
            wide = s.to(dtype)
            multiplier = backend_for(backend, graphs, x, wide)
            features = x if x.dtype in HALF and multiplier.takes_half else x.to(dtype)
            if empty:
                rows = wide[:0]
                results = Results(
                    *[part.zero_() for part in fake(x, s, weight, level, "", distances)]
                )
            else:
                product = spmm(adjacency, wide)
                rows = multiplier.arrange(features, product, wide)
                pooled, adj, gram = multiplier.contract(rows, features, wide)
                if distances:
                    squared, near = _squared_distances(level, multiplier, wide, adj, gram)
                else:
                    squared, near = _no_distances(wide, 0)
                if not adjacency.undirected:
                    adj = adj.transpose(1, 2).contiguous()
                pooled = pooled.to(torch.promote_types(x.dtype, s.dtype))
                results = Results(pooled, adj, gram, squared, near, product)
        if ctx is not None:
            ctx.save_for_backward(x, s, weight, rows, results.gram, results.near)
            ctx.level, ctx.backend, ctx.distances = level, backend, distances
            ctx.multiplier, ctx.dtype = multiplier, dtype
            ctx.mark_non_differentiable(results.near, results.product)
            ctx.set_materialize_grads(False)
        return results

    @staticmethod
    def backward(ctx: Any, *onto: Tensor | None) -> Gradients:
        """Return the gradients of features, assignment and weights."""
        x, s, weight, rows, gram, near = ctx.saved_tensors
        level, backend, distances = ctx.level, ctx.backend, ctx.distances
        if is_differentiated_again(onto):
            arguments = (x, s, weight, level, backend, distances)
            return plain_gradients(plain, arguments, ctx.needs_input_grad, onto)
        with without_autocast(x):
            features = x if x.dtype in HALF and ctx.multiplier.takes_half else x.to(ctx.dtype)
            saved = Saved(level, ctx.multiplier, features, s.to(ctx.dtype), rows, gram, near)
            found = gradients(saved, Cotangents(*onto[:4]), Needs(*ctx.needs_input_grad[:3]))
        onto_x, onto_s, onto_weight = found
        return (
            None if onto_x is None else onto_x.to(x.dtype),
            None if onto_s is None else onto_s.to(s.dtype),
            None if onto_weight is None else onto_weight.to(weight.dtype),
            None,
            None,
            None,
        )


def plain(
    x: Tensor,
    s: Tensor,
    weight: Tensor | None,
    level: SparseGraphs,
    backend: str,
    distances: bool,
) -> Results:
    """Compute the same with PyTorch operations, without access to values."""
    adjacency: Adjacency = level.adjacency._replace(weight=weight)
    dtype = _accumulation_dtype(x, s, weight)
    with without_autocast(x):
        rows, wide = x.to(dtype), s.to(dtype)
        squared, near = _no_distances(wide, 0)
        if distances:
            # Cancellation cannot be detected without access to values.
            rows, wide = exact(rows), exact(wide)
        through = plain_product(adjacency, wide)
        pooled, product, gram = plain_contract(level.graphs, rows, through, wide)
        if distances:
            norms = squared_norms(adjacency, level.graphs)
            squared = norms + identity_terms(product, gram)
    pooled = pooled.to(torch.promote_types(x.dtype, s.dtype))
    adj = product.transpose(1, 2).to(dtype)
    return Results(pooled, adj, gram.to(dtype), squared, near, through.detach())


def fake(
    x: Tensor,
    s: Tensor,
    weight: Tensor | None,
    level: SparseGraphs,
    backend: str,
    distances: bool,
) -> Results:
    """Return empty results, whose shapes depend only on the shapes of the arguments."""
    dtype = _accumulation_dtype(x, s, weight)
    batch_size, clusters = level.graphs.batch_size, s.size(1)
    pooled_dtype = torch.promote_types(x.dtype, s.dtype)
    return Results(
        x.new_empty(batch_size, clusters, x.size(1), dtype=pooled_dtype),
        s.new_empty(batch_size, clusters, clusters, dtype=dtype),
        s.new_empty(batch_size, clusters, clusters, dtype=dtype),
        *_no_distances(s, batch_size if distances else 0),
        s.new_empty(s.shape, dtype=dtype),
    )


def _accumulation_dtype(x: Tensor, s: Tensor, weight: Tensor | None) -> torch.dtype:
    return accumulation_dtype(x.dtype, s.dtype, x.dtype if weight is None else weight.dtype)


def _no_distances(s: Tensor, count: int) -> tuple[Tensor, Tensor]:
    squared = s.new_empty(count, dtype=exact(s.new_empty(0)).dtype)
    return squared, s.new_empty(count, dtype=torch.bool)


def _squared_distances(
    level: SparseGraphs, multiplier: Backend, s: Tensor, product: Tensor, gram: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the squared distance of each graph, and a mask of those computed in float64."""
    if isinstance(multiplier, Triton):
        given = level.adjacency, level.graphs, s, product, gram
        return kernels.squared_distances(*given, NEAR_OPTIMUM)
    norms = squared_norms(level.adjacency, level.graphs)
    squared = norms + identity_terms(product, gram)
    near = near_optimum(squared, norms)
    chosen = in_float64(near, s)
    if chosen is not None:
        kept, s, _, _ = exactly(chosen, level, s)
        nothing = s[:, :0]
        multiplier = backend_for("auto", kept.graphs, nothing, s)
        rows = multiplier.arrange(nothing, spmm(kept.adjacency, s), s)
        _, product, gram = multiplier.contract(rows, nothing, s)
        squared[chosen] = norms[chosen] + identity_terms(product, gram)
    return squared, near
