"""The cross entropy over all pairs against loops, however graphs fall into tiles."""

import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.conventions import pair_tiles
from pyg_diffpool.ops.conventions.cross_entropy import pairwise_cross_entropy
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
    monkeypatch.setattr(pair_tiles, "TILE_ENTRIES", entries)
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
    monkeypatch.setattr(pair_tiles, "TILE_ENTRIES", entries)
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


def test_function_transforms_keep_all_tiles():
    problem = PROBLEMS["undirected, unit weights"]
    level, _ = sparse(problem)
    slope = torch.func.grad(lambda s: pairwise_cross_entropy(s, level).sum())(problem.s)
    s = leaf(problem.s)
    wanted = link_oracle(problem, s, convention="reference").sum()
    assert_close(slope, torch.autograd.grad(wanted, s)[0])


@pytest.mark.parametrize("needs", [(True, True), (True, False), (False, True)])
def test_the_flat_operator_gives_the_gradients_that_are_needed(needs, monkeypatch):
    monkeypatch.setattr(pair_tiles, "TILE_ENTRIES", 7)
    problem = PROBLEMS["directed, weights"]
    level, (_, s) = sparse(problem)
    weight = level.adjacency.weight
    wanted_s, wanted_weight = leaf(s), leaf(weight)
    own = level._replace(adjacency=level.adjacency._replace(weight=wanted_weight))
    slope = torch.arange(1.0, 5.0).double()
    total = (pairwise_cross_entropy(wanted_s, own) * slope).sum()
    wanted = torch.autograd.grad(total, (wanted_s, wanted_weight))
    flat = (s, weight, *level.structure())
    assert_close(
        torch.ops.pyg_diffpool.cross_entropy(*flat),
        link_oracle(problem, problem.s, convention="reference"),
    )
    found = torch.ops.pyg_diffpool.cross_entropy_gradient(slope, *flat, *needs)
    for part, needed, expected in zip(found, needs, wanted, strict=True):
        assert part.numel() == (expected.numel() if needed else 0)
        if needed:
            assert_close(part, expected)


def test_duplicates_side_by_side_share_one_clamp():
    """Two edges of 0.6 are one of 1.2, which counts as 1 and has no slope."""
    s = torch.tensor([[0.9, 0.1], [0.3, 0.7]], dtype=torch.float64)
    problem = replace(
        make_problem((2,)),
        edge_index=torch.tensor([[0, 1, 1], [1, 0, 0]]),
        edge_weight=torch.tensor([0.4, 0.6, 0.6]).double(),
    )
    level, _ = sparse(problem)
    weight = leaf(torch.tensor([0.6, 0.6, 0.4]))
    apart = level.adjacency._replace(
        rowptr=torch.tensor([0, 2, 3]),
        col=torch.tensor([1, 1, 0]),
        target=torch.tensor([0, 0, 1]),
        weight=weight.double(),
        transposed=None,
        coalesced=False,
    )
    found = pairwise_cross_entropy(s, level._replace(adjacency=apart))
    wanted = link_oracle(problem, s, convention="reference")
    assert_close(found, wanted, rtol=1e-6, atol=1e-6)
    (slope,) = torch.autograd.grad(found.sum(), weight)
    assert slope[:2].tolist() == [0.0, 0.0]
    p = float(s[0] @ s[1])
    expected = math.log(1 - p + 1e-7) - math.log(p + 1e-7)
    assert slope[2].item() == pytest.approx(expected, rel=1e-5)
