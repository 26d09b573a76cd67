"""The cross entropy over all pairs against loops, however graphs fall into tiles."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.conventions import cross_entropy
from pyg_diffpool.ops.conventions.cross_entropy import _tiles, pairwise_cross_entropy
from tests.ops.level.levels import dense, sparse
from tests.oracles import link_oracle
from tests.problems import leaf, make_problem, projection

PROBLEMS = {
    "undirected, unit weights": make_problem((5, 0, 3), directed=False, weights="none"),
    "directed, weights": make_problem((6, 1, 4, 2), weights="positive", duplicates=False),
    "no edges": make_problem((3, 2), edges_per_node=0.0, weights="positive"),
}


@pytest.mark.parametrize("entries", [1, 7, 16, 40, 2**20])
@pytest.mark.parametrize("name", PROBLEMS)
def test_tiles_of_any_size_give_the_same(name, entries, monkeypatch):
    monkeypatch.setattr(cross_entropy, "TILE_ENTRIES", entries)
    problem = PROBLEMS[name]
    s = leaf(problem.s)
    level, _ = sparse(problem)
    found = pairwise_cross_entropy(s, level)
    wanted = link_oracle(problem, s, convention="reference")
    assert found.dtype == torch.float64
    assert_close(found, wanted)
    slopes = [torch.autograd.grad(projection(total), s) for total in (found, wanted)]
    assert_close(slopes[0], slopes[1])


@pytest.mark.parametrize("entries", [7, 2**20])
def test_weights_have_gradients(entries, monkeypatch):
    monkeypatch.setattr(cross_entropy, "TILE_ENTRIES", entries)
    problem = PROBLEMS["directed, weights"]
    s, weight = leaf(problem.s), leaf(problem.weight)
    level, _ = sparse(replace(problem, edge_weight=weight))
    found = pairwise_cross_entropy(s, level)
    wanted = link_oracle(problem, s, weight, convention="reference")
    slopes = [torch.autograd.grad(projection(total), (s, weight)) for total in (found, wanted)]
    assert_close(slopes[0], slopes[1])


@pytest.mark.parametrize("fill", [0.0, float("nan")])
@pytest.mark.parametrize("name", PROBLEMS)
def test_matrices_give_the_same(name, fill):
    problem = PROBLEMS[name]
    level, (_, s) = dense(problem, fill=fill)
    s = leaf(s)
    found = pairwise_cross_entropy(s, level)
    own = leaf(problem.s)
    wanted = link_oracle(problem, own, convention="reference")
    assert_close(found, wanted)
    (slope,) = torch.autograd.grad(projection(found), s)
    assert_close(slope[level.mask], torch.autograd.grad(projection(wanted), own)[0])
    assert slope[~level.mask].count_nonzero() == 0


def test_similarities_above_one_count_as_one():
    """Rounding may leave ⟨s_u, s_v⟩ above one; its slope is then zero."""
    problem = PROBLEMS["no edges"]
    level, _ = sparse(problem)
    s = leaf(torch.tensor([[1.0 + 1e-7, 0.0, 0.0]]).repeat(5, 1), torch.float64)
    total = pairwise_cross_entropy(s, level)
    pair = -torch.log(torch.tensor(1e-7, dtype=torch.float64))
    assert_close(total, torch.tensor([9.0, 4.0]).double() * pair)
    assert torch.autograd.grad(total.sum(), s)[0].count_nonzero() == 0


def test_tiles_cover_every_row_once_and_stay_within_their_size(monkeypatch):
    monkeypatch.setattr(cross_entropy, "TILE_ENTRIES", 20)
    sizes = (3, 0, 1, 9, 2, 2, 5)
    level, _ = sparse(make_problem(sizes))
    seen = []
    for tile in _tiles(level.graphs):
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


def test_function_transforms_keep_all_tiles():
    problem = PROBLEMS["undirected, unit weights"]
    level, _ = sparse(problem)
    slope = torch.func.grad(lambda s: pairwise_cross_entropy(s, level).sum())(problem.s)
    s = leaf(problem.s)
    wanted = link_oracle(problem, s, convention="reference").sum()
    assert_close(slope, torch.autograd.grad(wanted, s)[0])
