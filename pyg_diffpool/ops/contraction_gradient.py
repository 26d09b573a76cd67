r"""The backward pass of ``pyg_diffpool::contract``.

It has :math:`\mathbf{A}\,\mathrm{d}\mathbf{P}
= \mathbf{A} \mathbf{S}\,\mathrm{d}\mathbf{A}'^{\top}`, which for a symmetric :math:`\mathbf{A}` is
:math:`\mathbf{P}\, \mathrm{d}\mathbf{A}'^{\top}`: no second sparse product, only another term in
the ragged one that is there already.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops.distances import exactly, in_float64, squared_norm_gradient
from pyg_diffpool.ops.library import operator
from pyg_diffpool.ops.operator_level import LEVEL_SIGNATURE, Level
from pyg_diffpool.ops.precision import without_autocast
from pyg_diffpool.ops.sparse_product import edge_products, spmm


class _Needs(NamedTuple):
    """Which gradients are asked for."""

    x: bool
    s: bool
    weight: bool


class _Cotangents(NamedTuple):
    """Gradients that arrive: of SᵀX, of SᵀAS, of SᵀS, and of the squared distances."""

    pooled: Tensor | None
    adj: Tensor | None
    gram: Tensor | None
    squared: Tensor | None


class _Forward(NamedTuple):
    """What the forward pass was given and found, in the dtype that it summed in."""

    level: Level
    x: Tensor
    s: Tensor
    kept: Tensor
    gram: Tensor


def _kernel(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of features, assignment and weights; empty where not needed."""
    cotangents = _Cotangents(*arguments[:4])
    x, s, kept, gram, near, *level_arguments = arguments[4:-3]
    level, needs = Level.of(tuple(level_arguments)), _Needs(*arguments[-3:])
    onto_x, onto_s, onto_weight = _fake(*arguments)
    if x.size(0) == 0 or level.graphs.batch_size == 0:
        return onto_x.zero_(), onto_s.zero_(), onto_weight.zero_()
    if cotangents.squared is not None and cotangents.squared.numel() == 0:
        # No distances were asked for; compilers hand on a gradient of nothing all the same.
        cotangents = cotangents._replace(squared=None)
    with without_autocast(x):
        given = _Forward(level, *level.operands(x, s, kept.dtype), kept, gram)
        chosen = None if cotangents.squared is None else in_float64(near, given.s)
        if cotangents.squared is None or chosen is None:
            found = _products(given, cotangents, needs)
        else:
            far = cotangents.squared.clone()
            far[chosen] = 0.0
            found = _products(given, cotangents._replace(squared=far), needs)
            found = _with_exact_products(found, given, chosen, cotangents.squared[chosen], needs)
        slope_x, slope_s, slope_weight = found
        if slope_weight is not None and cotangents.squared is not None:
            own = squared_norm_gradient(level.adjacency, level.graphs, cotangents.squared)
            slope_weight = slope_weight + own
    return (
        slope_x.to(x.dtype) if needs.x and slope_x is not None else onto_x,
        slope_s.to(s.dtype) if needs.s and slope_s is not None else onto_s,
        onto_weight if slope_weight is None else slope_weight.to(onto_weight.dtype),
    )


def _products(
    given: _Forward, cotangents: _Cotangents, needs: _Needs
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return the gradients that come through the contractions."""
    level, x, s, kept, gram = given
    multiplier = level.multiplier(x, s)
    adjacency = level.adjacency
    pooled = cotangents.pooled
    onto_x = onto_s = onto_weight = None
    adj = _onto_adj(cotangents, gram)
    if needs.x or needs.s:
        pooled = cotangents.pooled
        if pooled is None:
            pooled = gram.new_zeros(gram.size(0), s.size(1), x.size(1))
        onto_x, onto_s = multiplier.expand(
            kept,
            x,
            s,
            pooled.to(gram.dtype),
            adj + adj.transpose(1, 2) if adjacency.undirected else adj,
            _onto_gram(cotangents, gram),
        )
    if needs.s and not adjacency.undirected:
        through_p = multiplier.spread(kept, x, s, adj.transpose(1, 2))
        indirect = spmm(adjacency.transpose(), through_p)
        onto_s = indirect if onto_s is None else onto_s + indirect
    if needs.weight:
        onto_weight = edge_products(adjacency, multiplier.spread(kept, x, s, adj), s)
    return onto_x, onto_s, onto_weight


def _onto_adj(cotangents: _Cotangents, gram: Tensor) -> Tensor:
    """Return the gradient of SᵀAS, of whose trace the squared distance takes off twice."""
    adj = torch.zeros_like(gram) if cotangents.adj is None else cotangents.adj
    if cotangents.squared is None:
        return adj
    onto = adj.clone()
    onto.diagonal(dim1=1, dim2=2).sub_(2 * cotangents.squared.to(gram.dtype).unsqueeze(1))
    return onto


def _onto_gram(cotangents: _Cotangents, gram: Tensor) -> Tensor:
    """Return the gradient of SᵀS, and its transpose, since S stands in it on both sides."""
    onto = torch.zeros_like(gram) if cotangents.gram is None else cotangents.gram
    if cotangents.gram is not None:
        onto = onto + onto.transpose(1, 2)
    if cotangents.squared is None:
        return onto
    return onto.addcmul(gram, 4 * cotangents.squared.to(gram.dtype).view(-1, 1, 1))


def _with_exact_products(
    found: tuple[Tensor | None, Tensor | None, Tensor | None],
    given: _Forward,
    near: Tensor | slice,
    squared: Tensor,
    needs: _Needs,
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Add what reaches the chosen graphs through the squared distances, in float64."""
    level, s, nodes, edges = exactly(near, given.level, given.s)
    x = s[:, :0]
    out = level.multiply(x, s)
    chosen = _Forward(level, x, s, out.kept, out.gram)
    cotangents = _Cotangents(None, None, None, squared)
    _, own_s, own_weight = _products(chosen, cotangents, needs._replace(x=False))
    onto_x, onto_s, onto_weight = found
    if onto_s is not None and own_s is not None:
        onto_s[nodes] += own_s.to(onto_s.dtype)
    if onto_weight is not None and own_weight is not None:
        onto_weight[edges] += own_weight.to(onto_weight.dtype)
    return onto_x, onto_s, onto_weight


def _fake(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    x, s, *_ = arguments[4:]
    weight = arguments[12]
    needs = _Needs(*arguments[-3:])
    weight = x.new_empty(0) if weight is None else weight
    return (
        x.new_empty(x.shape if needs.x else (0,)),
        s.new_empty(s.shape if needs.s else (0,)),
        weight.new_empty(weight.shape if needs.weight else (0,)),
    )


contraction_gradient = operator(
    "contraction_gradient",
    "(Tensor? grad_pooled, Tensor? grad_adj, Tensor? grad_gram, Tensor? grad_squared, Tensor x, "
    f"Tensor s, Tensor kept, Tensor gram, Tensor near, {LEVEL_SIGNATURE}, bool needs_x, "
    "bool needs_s, bool needs_weight) -> (Tensor, Tensor, Tensor)",
    _kernel,
    _fake,
)
