r"""The squared distance between an adjacency matrix and its prediction, without dense matrices.

.. math::
    \lVert \mathbf{A} - \mathbf{S} \mathbf{S}^{\top} \rVert_F^2 = \lVert \mathbf{A} \rVert_F^2
    - 2\, \mathrm{tr}(\mathbf{S}^{\top} \mathbf{A} \mathbf{S})
    + \lVert \mathbf{S}^{\top} \mathbf{S} \rVert_F^2
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.index import index2ptr

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.contract.sparse_graphs import SparseGraphs
from pyg_diffpool.ops.precision import exact
from pyg_diffpool.ops.segments import Segments

# Below this fraction of ‖A‖², cancellation makes float32 products too inaccurate.
NEAR_OPTIMUM = 1e-3


class Selection(NamedTuple):
    """Some of the graphs of a sparse level."""

    adjacency: Adjacency
    graphs: Segments


def squared_norms(adjacency: Adjacency, graphs: Segments) -> Tensor:
    """Return ‖A‖² of each graph in float64."""
    if adjacency.coalesced and adjacency.weight is None:
        return exact(adjacency.rowptr[graphs.ptr].diff())
    squares = _own_weights(adjacency) * _entries(adjacency)
    graph = graphs.batch[adjacency.target]
    return squares.new_zeros(graphs.batch_size).index_add(0, graph, squares)


def squared_norm_gradient(adjacency: Adjacency, graphs: Segments, grad: Tensor) -> Tensor:
    """Return the gradient of :func:`squared_norms` with respect to the weight of each edge."""
    return 2 * _entries(adjacency) * grad[graphs.batch[adjacency.target]]


def identity_terms(adj: Tensor, gram: Tensor) -> Tensor:
    """Return the two terms of the identity that depend on S, in float64."""
    trace = exact(adj.diagonal(dim1=1, dim2=2)).sum(1)
    return exact(gram).square().sum((1, 2)) - 2 * trace


def near_optimum(squared: Tensor, norms: Tensor) -> Tensor:
    """Return a mask of the graphs for which float32 products are inaccurate by cancellation."""
    return squared < NEAR_OPTIMUM * norms


def in_float64(near: Tensor, s: Tensor) -> Tensor | slice | None:
    """Return an index of the graphs that need products in float64, or None if there are none.

    On a GPU without Triton, and for gradients of edge weights, this check would require a
    host-device synchronisation: all graphs use float64 there.
    """
    if s.dtype == torch.float64:
        return None
    if s.is_cuda:
        return slice(None)
    return near if bool(near.any()) else None


def exactly(
    near: Tensor | slice, level: SparseGraphs, s: Tensor
) -> tuple[SparseGraphs, Tensor, Tensor | slice, Tensor | slice]:
    """Select graphs, in float64; also return the indices of their nodes and edges."""
    adjacency, graphs = level.adjacency, level.graphs
    if isinstance(near, slice):
        return level, exact(s), near, near
    nodes = near[graphs.batch]
    edges = nodes[adjacency.target]
    position = nodes.cumsum(0) - 1
    sizes = graphs.sizes[near]
    target = position[adjacency.target[edges]]
    kept = adjacency._replace(
        rowptr=index2ptr(target, int(sizes.sum())),
        col=position[adjacency.col[edges]],
        target=target,
        weight=None if adjacency.weight is None else adjacency.weight[edges],
        transposed=None,
    )
    batch = torch.arange(sizes.numel()).repeat_interleave(sizes)
    ptr = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    chosen = Segments(batch, ptr, sizes.numel(), int(sizes.max()))
    return Selection(kept, chosen), exact(s[nodes]), nodes, edges


def _own_weights(adjacency: Adjacency) -> Tensor:
    if adjacency.weight is None:
        return exact(torch.ones_like(adjacency.col))
    return exact(adjacency.weight)


def _entries(adjacency: Adjacency) -> Tensor:
    """Return for each edge its entry of A, where duplicates are summed."""
    weight = _own_weights(adjacency)
    if adjacency.coalesced:
        return weight
    first = torch.ones_like(adjacency.col)
    first[1:] = (adjacency.col.diff() != 0) | (adjacency.target.diff() != 0)
    entry = first.cumsum(0) - 1
    return torch.zeros_like(weight).index_add(0, entry, weight)[entry]
