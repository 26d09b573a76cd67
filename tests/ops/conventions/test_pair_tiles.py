"""Tiles of pairs: every row once, within their size, with what each of them holds."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.conventions import pair_tiles
from pyg_diffpool.ops.conventions.pair_tiles import read_pairs, tiles
from tests.ops.level.levels import sparse
from tests.problems import make_problem


def test_tiles_cover_every_row_once_and_stay_within_their_size(monkeypatch):
    monkeypatch.setattr(pair_tiles, "TILE_ENTRIES", 20)
    sizes = (3, 0, 1, 9, 2, 2, 5)
    level, _ = sparse(make_problem(sizes))
    seen = []
    for tile in tiles(level.graphs):
        rows = tile.last_row - tile.first_row
        graphs = tile.last_graph - tile.first_graph
        assert graphs * rows * tile.width <= max(20, tile.width)
        assert tile.first_node == sum(sizes[: tile.first_graph])
        assert tile.width == max(sizes[tile.first_graph : tile.last_graph])
        seen += [
            (graph, row)
            for graph in range(tile.first_graph, tile.last_graph)
            for row in range(tile.first_row, min(tile.last_row, sizes[graph]))
        ]
    assert seen == [(graph, row) for graph, size in enumerate(sizes) for row in range(size)]


def test_graphs_that_fit_together_share_a_tile(monkeypatch):
    monkeypatch.setattr(pair_tiles, "TILE_ENTRIES", 20)
    level, _ = sparse(make_problem((3, 0, 1, 9, 2, 4, 5)))
    found = [
        (tile.first_graph, tile.last_graph, tile.first_row, tile.last_row)
        for tile in tiles(level.graphs)
    ]
    # 3² twice, once for the empty graph; 1; 9 in pieces of two rows; 2; 4; 5 in pieces of four.
    pieces = [(3, 4, row, min(row + 2, 9)) for row in range(0, 9, 2)]
    assert found == [
        (0, 2, 0, 3),
        (2, 3, 0, 1),
        *pieces,
        (4, 5, 0, 2),
        (5, 6, 0, 4),
        (6, 7, 0, 4),
        (6, 7, 4, 5),
    ]


@pytest.mark.parametrize("entries", [1, 8, 30, 2**20])
def test_what_a_tile_holds(entries, monkeypatch):
    monkeypatch.setattr(pair_tiles, "TILE_ENTRIES", entries)
    problem = make_problem((3, 0, 5, 2), weights="positive")
    level, (_, s) = sparse(problem)
    for tile in tiles(level.graphs):
        pairs = read_pairs(s, level.adjacency.weight, level, tile)
        assert pairs.first_node == tile.first_node
        assert pairs.last_node == sum(problem.sizes[: tile.last_graph])
        for position, graph in enumerate(range(tile.first_graph, tile.last_graph)):
            count = problem.sizes[graph]
            kept = range(tile.first_row, min(tile.last_row, count))
            assert pairs.nodes[position].sum() == count
            assert_close(pairs.s[position, :count], problem.s[problem.rows(graph)])
            assert pairs.s[position, count:].count_nonzero() == 0
            # A row of the tile is a column of A: its entries end there.
            wanted = torch.zeros_like(pairs.adj[position])
            wanted[: len(kept), :count] = problem.adjacency(graph).t()[list(kept)]
            assert_close(pairs.adj[position], wanted)
            valid = torch.zeros_like(pairs.valid[position])
            valid[: len(kept), :count] = True
            assert torch.equal(pairs.valid[position], valid)
        own = level.adjacency.weight[pairs.edges]
        assert_close(pairs.adj[pairs.entries], own)


def test_sums_are_taken_in_float32_at_least():
    problem = make_problem((3, 2), weights="none", duplicates=False)
    level, _ = sparse(problem)
    (tile,) = tiles(level.graphs)
    pairs = read_pairs(problem.s.bfloat16(), None, level, tile)
    assert pairs.s.dtype == pairs.adj.dtype == torch.float32
    assert pairs.adj.sum() == problem.edge_index.size(1)
