r"""The link prediction objective of the authors' code: a cross entropy over all pairs of nodes.

It has no factorisation, so it visits all :math:`n^2` pairs of a graph; it does so tile by tile, and
computes each tile anew in the backward pass, so that memory stays linear.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.level import DenseLevel, Level, mask_adjacency
from pyg_diffpool.ops.precision import accumulation_dtype, exact, without_autocast
from pyg_diffpool.ops.segments import Segments
from pyg_diffpool.ops.transforms import transformed

REFERENCE_EPSILON = 1e-7
TILE_ENTRIES = 2**20


class _Tile(NamedTuple):
    """Whole small graphs padded to one width, or some rows of one large graph."""

    first_graph: int
    last_graph: int
    first_node: int
    width: int
    first_row: int
    last_row: int


def pairwise_cross_entropy(s: Tensor, level: Level) -> Tensor:
    """Return the sum over all pairs of nodes of each graph, in float64.

    The two kinds of level have nothing to share here: pairs are visited as they are stored.
    """
    if isinstance(level, DenseLevel):
        return _of_matrices(s, level)
    return _of_tiles(s, level.adjacency.coalesce(), level.graphs)


def _of_tiles(s: Tensor, adjacency: Adjacency, graphs: Segments) -> Tensor:
    totals = exact(s.new_zeros(graphs.batch_size))
    for tile in _tiles(graphs):
        arguments = (s, adjacency.weight, adjacency, graphs, tile)
        if transformed():
            # Function transforms do not support checkpoints: all tiles are kept.
            part = _tile_loss(*arguments)
        else:
            part = checkpoint(_tile_loss, *arguments, use_reentrant=False)
        index = torch.arange(tile.first_graph, tile.last_graph, device=s.device)
        totals = totals.index_add(0, index, part)
    return totals


def _of_matrices(s: Tensor, level: DenseLevel) -> Tensor:
    mask, dtype = level.mask, level.loss_dtype(s)
    s = level.graphs.mask_rows(s).to(dtype)
    adj = mask_adjacency(level.adj, mask).to(dtype)
    valid = torch.ones_like(adj, dtype=torch.bool)
    if mask is not None:
        valid = mask.unsqueeze(1) & mask.unsqueeze(2)
    with without_autocast(s):
        return _cross_entropy(adj.clamp(max=1), s @ s.transpose(1, 2), valid)


def _tiles(graphs: Segments) -> Iterator[_Tile]:
    sizes = graphs.listed_sizes()
    first, node = 0, 0
    while first < len(sizes):
        width = sizes[first]
        if width**2 > TILE_ENTRIES:
            rows = max(TILE_ENTRIES // width, 1)
            for row in range(0, width, rows):
                yield _Tile(first, first + 1, node, width, row, min(row + rows, width))
            first, node = first + 1, node + width
            continue
        last = first
        while last < len(sizes):
            wider = max(width, sizes[last])
            if (last + 1 - first) * wider**2 > TILE_ENTRIES:
                break
            width, last = wider, last + 1
        yield _Tile(first, last, node, width, 0, width)
        node += sum(sizes[first:last])
        first = last


def _tile_loss(
    s: Tensor, weight: Tensor | None, adjacency: Adjacency, graphs: Segments, tile: _Tile
) -> Tensor:
    """Return the sum over the pairs of a tile, for each of its graphs, in float64."""
    whole = tile.last_row - tile.first_row == tile.width
    start = tile.first_node + (0 if whole else tile.first_row)
    stop = int(graphs.ptr[tile.last_graph]) if whole else tile.first_node + tile.last_row
    sizes = graphs.sizes[tile.first_graph : tile.last_graph]
    valid = torch.arange(tile.width, device=s.device) < sizes.unsqueeze(1)

    columns = s.new_zeros(valid.shape + s.shape[1:], dtype=accumulation_dtype(s.dtype))
    nodes = s[tile.first_node : int(graphs.ptr[tile.last_graph])]
    columns = columns.index_put(valid.nonzero(as_tuple=True), nodes.to(columns.dtype))

    edges = slice(int(adjacency.rowptr[start]), int(adjacency.rowptr[stop]))
    target, source = adjacency.target[edges], adjacency.col[edges]
    graph = graphs.batch[target]
    offset = graphs.ptr[graph]
    index = (graph - tile.first_graph, target - offset - tile.first_row, source - offset)
    rows = slice(tile.first_row, tile.last_row)
    adj = columns.new_zeros(len(sizes), tile.last_row - tile.first_row, tile.width)
    ones = columns.new_ones(target.numel())
    values = ones if weight is None else weight[edges].to(adj.dtype).clamp(max=1)
    adj = adj.index_put(index, values)

    with without_autocast(s):
        predicted = columns[:, rows] @ columns.transpose(1, 2)
        return _cross_entropy(adj, predicted, valid[:, rows].unsqueeze(2) & valid.unsqueeze(1))


def _cross_entropy(adj: Tensor, predicted: Tensor, valid: Tensor) -> Tensor:
    predicted = torch.where(predicted < 1, predicted, 1.0)
    present = torch.log(predicted + REFERENCE_EPSILON)
    absent = torch.log(1 - predicted + REFERENCE_EPSILON)
    entropy = -adj * present - (1 - adj) * absent
    return exact(entropy.masked_fill(~valid, 0.0)).sum((1, 2))
