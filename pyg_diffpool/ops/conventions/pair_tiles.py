"""Tiles over all pairs of nodes of each graph of a sparse level, to keep memory linear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops.level import SparseLevel
from pyg_diffpool.ops.precision import accumulation_dtype
from pyg_diffpool.ops.segments import Segments

TILE_ENTRIES = 2**20


class Tile(NamedTuple):
    """Several small graphs, padded to one width, or a block of rows of one large graph."""

    first_graph: int
    last_graph: int
    first_node: int
    width: int
    first_row: int
    last_row: int

    @property
    def rows(self) -> slice:
        """The nodes of each graph that are rows of the tile."""
        return slice(self.first_row, self.last_row)


class Pairs(NamedTuple):
    """The padded contents of a tile: g graphs of R rows and W columns.

    Attributes:
        s: Assignment of the columns' nodes, (g, W, K); rows are a subset of them.
        adj: Sum of the weights between each pair of nodes, (g, R, W).
        nodes: Mask of the columns that are nodes, (g, W).
        valid: Mask of the pairs that are pairs of nodes, (g, R, W).
        first_node: First node of the tile's graphs in the batch.
        last_node: Last node of the tile's graphs in the batch, plus one.
        edges: The edges of the batch whose targets are in the rows.
        entries: Indices of these edges in :attr:`adj`.
    """

    s: Tensor
    adj: Tensor
    nodes: Tensor
    valid: Tensor
    first_node: int
    last_node: int
    edges: slice
    entries: tuple[Tensor, Tensor, Tensor]


def tiles(graphs: Segments) -> Iterator[Tile]:
    """Divide all pairs of nodes of each graph into tiles; synchronises a GPU to read sizes."""
    sizes = graphs.listed_sizes()
    first, node = 0, 0
    while first < len(sizes):
        width = sizes[first]
        if width**2 > TILE_ENTRIES:
            rows = max(TILE_ENTRIES // width, 1)
            for row in range(0, width, rows):
                yield Tile(first, first + 1, node, width, row, min(row + rows, width))
            first, node = first + 1, node + width
            continue
        last = first
        while last < len(sizes):
            wider = max(width, sizes[last])
            if (last + 1 - first) * wider**2 > TILE_ENTRIES:
                break
            width, last = wider, last + 1
        yield Tile(first, last, node, width, 0, width)
        node += sum(sizes[first:last])
        first = last


def read_pairs(s: Tensor, weight: Tensor | None, level: SparseLevel, tile: Tile) -> Pairs:
    """Return the contents of a tile, differentiable in the assignment and the weights."""
    adjacency, graphs = level
    whole = tile.last_row - tile.first_row == tile.width
    start = tile.first_node + (0 if whole else tile.first_row)
    last_node = int(graphs.ptr[tile.last_graph])
    stop = last_node if whole else tile.first_node + tile.last_row
    sizes = graphs.sizes[tile.first_graph : tile.last_graph]
    nodes = torch.arange(tile.width, device=s.device) < sizes.unsqueeze(1)

    columns = s.new_zeros(nodes.shape + s.shape[1:], dtype=accumulation_dtype(s.dtype))
    values = s[tile.first_node : last_node].to(columns.dtype)
    columns = columns.index_put(nodes.nonzero(as_tuple=True), values)

    edges = slice(int(adjacency.rowptr[start]), int(adjacency.rowptr[stop]))
    target, source = adjacency.target[edges], adjacency.col[edges]
    graph = graphs.batch[target]
    offset = graphs.ptr[graph]
    entries = (graph - tile.first_graph, target - offset - tile.first_row, source - offset)
    adj = columns.new_zeros(len(sizes), tile.last_row - tile.first_row, tile.width)
    ones = columns.new_ones(target.numel())
    weights = ones if weight is None else weight[edges].to(adj.dtype)
    adj = adj.index_put(entries, weights, accumulate=not adjacency.coalesced)
    valid = nodes[:, tile.rows].unsqueeze(2) & nodes.unsqueeze(1)
    return Pairs(columns, adj, nodes, valid, tile.first_node, last_node, edges, entries)
