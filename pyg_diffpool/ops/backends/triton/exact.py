r"""Squared distances on a GPU, and their gradients, exact where their terms cancel.

.. math::
    \lVert \mathbf{A} - \mathbf{S} \mathbf{S}^{\top} \rVert_F^2 = \lVert \mathbf{A} \rVert_F^2
    - 2\, \mathrm{tr}(\mathbf{S}^{\top} \mathbf{A} \mathbf{S})
    + \lVert \mathbf{S}^{\top} \mathbf{S} \rVert_F^2

Sums are float64 throughout. The products of the last two terms are those of the float32
contraction, except for graphs whose terms nearly cancel: these are found on the device, and
multiplied again in float64. Results are bitwise deterministic, and nothing waits for the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.backends.triton.tiles import block_size, contiguous_rows, num_blocks
from pyg_diffpool.ops.segments import Segments

# Programs that share the edges of a graph: enough to fill a GPU if there are few graphs.
MOST_PARTS = 64
PROGRAMS = 1024


def squared_distances(
    adjacency: Adjacency,
    graphs: Segments,
    s: Tensor,
    adj: Tensor,
    gram: Tensor,
    threshold: float,
) -> tuple[Tensor, Tensor]:
    r"""Compute the squared distance of each graph.

    Args:
        adjacency: Edges, where duplicates are adjacent.
        graphs: The graphs of the nodes.
        s: Assignment :math:`(N, K)` in float32.
        adj: :math:`\mathbf{S}^{\top} \mathbf{A} \mathbf{S}` or its transpose, :math:`(B, K, K)`.
        gram: :math:`\mathbf{S}^{\top} \mathbf{S}`, :math:`(B, K, K)`.
        threshold: Fraction of :math:`\lVert \mathbf{A} \rVert_F^2` below which products are
            computed in float64.

    Returns:
        The squared distances in float64, and a mask of those below the threshold, both :math:`(B)`.
    """
    from pyg_diffpool.ops.backends.triton import exact_programs as programs

    batch_size, clusters = graphs.batch_size, s.size(1)
    parts = _parts(adjacency, graphs)
    count = parts.size(1)
    squared = torch.empty(batch_size, dtype=torch.float64, device=s.device)
    near = torch.empty(batch_size, dtype=torch.bool, device=s.device)
    with torch.cuda.device_of(s):  # type: ignore[no-untyped-call]
        programs.add_terms[(batch_size,)](
            *(gram.contiguous(), adj.contiguous(), parts, squared, near.view(torch.uint8)),
            *(threshold, clusters, count),
            BLOCK=block_size(clusters * clusters, 1024),
            BLOCK_PARTS=MOST_PARTS,
        )
    terms = _exact_terms(adjacency, graphs, s, near, parts)
    return torch.where(near, terms.sum(1), squared), near


def add_gradient(
    out: Tensor,
    adjacency: Adjacency,
    transposed: Adjacency | None,
    graphs: Segments,
    s: Tensor,
    near: Tensor,
    grad: Tensor,
) -> None:
    r"""Add the gradient of the squared distances of the near graphs to that of the assignment.

    Args:
        out: Gradient of the assignment, :math:`(N, K)`, contiguous, which is changed in place.
        adjacency: The edges.
        transposed: The edges by source, or :obj:`None` if they are undirected.
        graphs: The graphs of the nodes.
        s: Assignment :math:`(N, K)` in float32.
        near: Mask of the near graphs.
        grad: Gradient of the squared distances, :math:`(B)`.
    """
    from pyg_diffpool.ops.backends.triton import exact_programs as programs

    gram = _exact_gram(adjacency, graphs, s, near)
    nodes, clusters = s.shape
    s = contiguous_rows(s)
    other = adjacency if transposed is None else transposed
    rows, tile = 16, _tile(s)
    with torch.cuda.device_of(s):  # type: ignore[no-untyped-call]
        programs.add_exact_gradient[(num_blocks(nodes, rows), num_blocks(clusters, tile))](
            *(s, gram, _weight(adjacency, s), adjacency.rowptr, adjacency.col),
            *(_weight(other, s), other.rowptr, other.col),
            *(graphs.batch, near.view(torch.uint8), grad.contiguous(), out, s.stride(0), nodes),
            *(clusters, rows, tile),
            WEIGHTED=adjacency.weight is not None,
            DIRECTED=transposed is not None,
        )


def _parts(adjacency: Adjacency, graphs: Segments) -> Tensor:
    """Return the squared norm of the adjacency of each graph in parts, (B, parts)."""
    from pyg_diffpool.ops.backends.triton import exact_programs as programs

    batch_size, rowptr = graphs.batch_size, adjacency.rowptr
    count = _num_parts(batch_size)
    parts = torch.empty(batch_size, count, dtype=torch.float64, device=rowptr.device)
    with torch.cuda.device_of(rowptr):  # type: ignore[no-untyped-call]
        programs.square_entries[(batch_size * count,)](
            *(_weight(adjacency, parts), rowptr, adjacency.col, adjacency.target),
            *(graphs.ptr, parts, count),
            WEIGHTED=adjacency.weight is not None,
            BLOCK=512,
        )
    return parts


def _exact_terms(
    adjacency: Adjacency, graphs: Segments, s: Tensor, near: Tensor, parts: Tensor
) -> Tensor:
    """Return terms of the squared distances of near graphs, (B, terms); others are not written."""
    tiles = num_blocks(s.size(1), _tile(s))
    terms = torch.empty(graphs.batch_size, tiles * tiles, dtype=torch.float64, device=s.device)
    _multiply_near(adjacency, graphs, s, near, terms, parts)
    return terms


def _exact_gram(adjacency: Adjacency, graphs: Segments, s: Tensor, near: Tensor) -> Tensor:
    """Return Gram matrices of near graphs in float64, (B, K, K); others are not written."""
    size = graphs.batch_size, s.size(1), s.size(1)
    gram = torch.empty(size, dtype=torch.float64, device=s.device)
    _multiply_near(adjacency, graphs, s, near, gram, None)
    return gram


def _multiply_near(
    adjacency: Adjacency,
    graphs: Segments,
    s: Tensor,
    near: Tensor,
    out: Tensor,
    parts: Tensor | None,
) -> None:
    """Launch the program that writes terms, given the parts of the norm, or Gram matrices."""
    from pyg_diffpool.ops.backends.triton import exact_programs as programs

    tiles = num_blocks(s.size(1), _tile(s))
    s = contiguous_rows(s)
    with torch.cuda.device_of(s):  # type: ignore[no-untyped-call]
        programs.multiply_near[(graphs.batch_size * tiles * tiles,)](
            *(s, _weight(adjacency, s), adjacency.rowptr, adjacency.col, adjacency.target),
            *(graphs.ptr, near.view(torch.uint8), out if parts is None else parts, out),
            *(s.stride(0), s.size(1), tiles, _tile(s)),
            ROWS=4,
            EDGES=32,
            PARTS=1 if parts is None else parts.size(1),
            BLOCK_PARTS=MOST_PARTS,
            TERMS=parts is not None,
            WEIGHTED=adjacency.weight is not None,
        )


def _num_parts(batch_size: int) -> int:
    """Return a power of two: each number is compiled, and numbers of graphs vary."""
    most = max(1, min(MOST_PARTS, PROGRAMS // max(1, batch_size)))
    return 1 << (most.bit_length() - 1)


def _tile(s: Tensor) -> int:
    """Return the clusters of a tile."""
    return block_size(s.size(1), 32)


def _weight(adjacency: Adjacency, instead: Tensor) -> Tensor:
    """Return the weights, or any tensor in their place, which is not read."""
    return instead if adjacency.weight is None else adjacency.weight.contiguous()
