r"""Backward pass of the contractions of a sparse level.

It contains the term :math:`\mathbf{A}\,\mathrm{d}\mathbf{P}
= \mathbf{A} \mathbf{S}\,\mathrm{d}\mathbf{A}'^{\top}`, which for a symmetric :math:`\mathbf{A}` is
:math:`\mathbf{P}\, \mathrm{d}\mathbf{A}'^{\top}`: this needs no second sparse product, only another
term in the ragged product.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.backends import Backend, backend_for
from pyg_diffpool.ops.backends.triton import Triton
from pyg_diffpool.ops.backends.triton import exact as kernels
from pyg_diffpool.ops.contract.distance import exactly, in_float64, squared_norm_gradient
from pyg_diffpool.ops.contract.sparse_graphs import SparseGraphs
from pyg_diffpool.ops.sparse_product import edge_products, spmm


class Needs(NamedTuple):
    """Which gradients are needed."""

    x: bool
    s: bool
    weight: bool


class Cotangents(NamedTuple):
    """Incoming gradients of SᵀX, of SᵀAS, of SᵀS, and of the squared distances."""

    pooled: Tensor | None
    adj: Tensor | None
    gram: Tensor | None
    squared: Tensor | None


class Saved(NamedTuple):
    """Inputs and results of the forward pass, in the accumulation dtype.

    Attributes:
        level: The sparse level.
        multiplier: The backend of the forward pass.
        x: Features, in half precision if the backend accepts it.
        s: Assignment.
        rows: The rows as arranged by the backend.
        gram: The Gram matrices.
        near: Mask of the graphs whose products were computed in float64.
    """

    level: SparseGraphs
    multiplier: Backend
    x: Tensor
    s: Tensor
    rows: Tensor
    gram: Tensor
    near: Tensor


Found = tuple[Tensor | None, Tensor | None, Tensor | None]


def gradients(saved: Saved, cotangents: Cotangents, needs: Needs) -> Found:
    """Return the gradients of features, assignment and weights; None where not needed."""
    level, x, s = saved.level, saved.x, saved.s
    if x.size(0) == 0 or level.graphs.batch_size == 0:
        weight = level.adjacency.weight
        return (
            torch.zeros_like(x) if needs.x else None,
            torch.zeros_like(s) if needs.s else None,
            None if weight is None or not needs.weight else torch.zeros_like(weight),
        )
    squared = cotangents.squared
    if squared is None or squared.numel() == 0:
        # Compilers pass an empty gradient if there are no distances.
        return _products(saved, cotangents._replace(squared=None), needs)
    if isinstance(saved.multiplier, Triton) and not needs.weight:
        return _with_kernels(saved, cotangents, squared, needs)
    chosen = in_float64(saved.near, s)
    if chosen is None:
        found = _products(saved, cotangents, needs)
    else:
        far = squared.clone()
        far[chosen] = 0.0
        found = _products(saved, cotangents._replace(squared=far), needs)
        found = _with_exact_products(found, saved, chosen, squared[chosen], needs)
    onto_x, onto_s, onto_weight = found
    if onto_weight is not None:
        own = squared_norm_gradient(level.adjacency, level.graphs, squared)
        onto_weight = onto_weight + own
    return onto_x, onto_s, onto_weight


def _products(
    saved: Saved, cotangents: Cotangents, needs: Needs, transposed: Adjacency | None = None
) -> Found:
    """Return the gradients through the contractions; the transposed edges may be given."""
    level, multiplier, x, s, rows, gram, _ = saved
    adjacency = level.adjacency
    onto_x = onto_s = onto_weight = None
    adj = _onto_adj(cotangents, gram)
    if needs.x or needs.s:
        pooled = cotangents.pooled
        if pooled is None:
            pooled = gram.new_zeros(gram.size(0), s.size(1), x.size(1))
        onto_x, onto_s = multiplier.expand(
            rows,
            x,
            s,
            pooled.to(gram.dtype),
            adj + adj.transpose(1, 2) if adjacency.undirected else adj,
            _onto_gram(cotangents, gram),
        )
    if needs.s and not adjacency.undirected:
        through_p = multiplier.spread(rows, x, s, adj.transpose(1, 2))
        indirect = spmm(transposed or adjacency.transpose(), through_p)
        onto_s = indirect if onto_s is None else onto_s + indirect
    if needs.weight:
        onto_weight = edge_products(adjacency, multiplier.spread(rows, x, s, adj), s)
    return onto_x if needs.x else None, onto_s if needs.s else None, onto_weight


def _onto_adj(cotangents: Cotangents, gram: Tensor) -> Tensor:
    """Return the gradient of SᵀAS; the squared distance contains -2 tr(SᵀAS)."""
    adj = torch.zeros_like(gram) if cotangents.adj is None else cotangents.adj
    if cotangents.squared is None:
        return adj
    onto = adj.clone()
    onto.diagonal(dim1=1, dim2=2).sub_(2 * cotangents.squared.to(gram.dtype).unsqueeze(1))
    return onto


def _onto_gram(cotangents: Cotangents, gram: Tensor) -> Tensor:
    """Return the gradient of SᵀS plus its transpose, since both factors depend on S."""
    onto = torch.zeros_like(gram) if cotangents.gram is None else cotangents.gram
    if cotangents.gram is not None:
        onto = onto + onto.transpose(1, 2)
    if cotangents.squared is None:
        return onto
    return onto.addcmul(gram, 4 * cotangents.squared.to(gram.dtype).view(-1, 1, 1))


def _with_kernels(saved: Saved, cotangents: Cotangents, squared: Tensor, needs: Needs) -> Found:
    """Return the gradients of features and assignment, those of near graphs by GPU kernels."""
    adjacency, graphs = saved.level.adjacency, saved.level.graphs
    transposed = None if adjacency.undirected or not needs.s else adjacency.transpose()
    far = cotangents._replace(squared=squared.masked_fill(saved.near, 0.0))
    onto_x, onto_s, _ = _products(saved, far, needs, transposed)
    if onto_s is not None:
        onto_s = onto_s.contiguous()
        kernels.add_gradient(onto_s, adjacency, transposed, graphs, saved.s, saved.near, squared)
    return onto_x, onto_s, None


def _with_exact_products(
    found: Found, saved: Saved, near: Tensor | slice, squared: Tensor, needs: Needs
) -> Found:
    """Add the gradients of the squared distances of the selected graphs, in float64."""
    level, s, nodes, edges = exactly(near, saved.level, saved.s)
    x = s[:, :0]
    multiplier = backend_for("auto", level.graphs, x, s)
    rows = multiplier.arrange(x, spmm(level.adjacency, s), s)
    _, _, gram = multiplier.contract(rows, x, s)
    chosen = Saved(level, multiplier, x, s, rows, gram, saved.near)
    cotangents = Cotangents(None, None, None, squared)
    _, own_s, own_weight = _products(chosen, cotangents, needs._replace(x=False))
    onto_x, onto_s, onto_weight = found
    if onto_s is not None and own_s is not None:
        onto_s[nodes] += own_s.to(onto_s.dtype)
    if onto_weight is not None and own_weight is not None:
        onto_weight[edges] += own_weight.to(onto_weight.dtype)
    return onto_x, onto_s, onto_weight
