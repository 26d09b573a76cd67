"""Entries of SᵀAS in both ways of computing them, and the choice between them."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.contract import outer_products
from pyg_diffpool.ops.contract.outer_products import by_pairs, by_products, entries_of_graphs
from pyg_diffpool.ops.sparse_matrix import Pattern
from tests.ops.contract.assignments import assign
from tests.ops.contract.levels import level_of
from tests.problems import Problem, leaf, make_problem, on_problems, projection


def edges_of(problem: Problem, weight: torch.Tensor | None = None):
    level = level_of(problem, weight)
    adjacency = level.adjacency
    edges = Pattern(adjacency.rowptr, adjacency.target, adjacency.col, adjacency.num_nodes)
    return level, edges, adjacency.weight


@pytest.mark.parametrize("kept", [0, 10**6])
@on_problems()
def test_both_ways_have_the_same_entries_and_gradients(kept, problem):
    if problem.batch_size == 0 or problem.num_nodes == 0:
        return
    results, slopes = [], []
    for way in ("pairs", "products"):
        logits, weight = leaf(problem.logits), leaf(problem.weight)
        level, edges, given = edges_of(problem, weight)
        s = assign(problem, level, logits=logits)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(outer_products, "KEPT_ENTRIES", kept)
            if way == "pairs":
                keys, values = by_pairs(edges, given, s)
            else:
                keys, values = by_products(edges, given, s, list(range(problem.batch_size)))
        results.append((keys, values))
        inputs = (logits, weight)
        slopes.append(torch.autograd.grad(projection(values), inputs, allow_unused=True))
    assert torch.equal(results[0][0], results[1][0])
    assert_close(results[0][1], results[1][1])
    assert_close(slopes[0], slopes[1])


def test_entries_that_cancel_are_kept():
    weight = torch.tensor([1.0, -1.0, 2.0, 0.0], dtype=torch.float64)
    problem = Problem(
        (4,),
        torch.zeros(4, 1).double(),
        torch.tensor([[9.0, 0.0], [9.0, 0.0], [0.0, 9.0], [0.0, 9.0]], dtype=torch.float64),
        torch.tensor([[0, 1, 0, 2], [2, 2, 1, 3]]),
        weight,
    )
    level, edges, given = edges_of(problem)
    s = assign(problem, level, percent=100)
    # Two clusters: the two edges from 0 to 1 cancel, and the edge within 1 has no weight.
    for keys, values in (by_pairs(edges, given, s), by_products(edges, given, s, [0])):
        assert keys.tolist() == [0, 2, 3]
        assert values.tolist() == [2.0, 0.0, 0.0]


def test_each_graph_goes_the_faster_way(monkeypatch):
    problem = make_problem((6, 4, 0, 5), num_clusters=4, weights="positive")
    level, edges, given = edges_of(problem)
    s = assign(problem, level)
    wanted = by_pairs(edges, given, s)
    ways = []

    def spy(edges, weight, s, chosen):
        ways.append(chosen)
        return by_products(edges, weight, s, chosen)

    monkeypatch.setattr(outer_products, "by_products", spy)
    monkeypatch.setattr(outer_products, "CALL_COST", 0)
    for cost, graphs in ((0, []), (1, None), (10**6, [0, 1, 3])):
        ways.clear()
        monkeypatch.setattr(outer_products, "PAIR_COST", cost)
        monkeypatch.setattr(outer_products, "UNCACHED_PAIR_COST", 10**6)
        keys, values = entries_of_graphs(edges, given, s)
        assert torch.equal(keys, wanted[0])
        assert_close(values, wanted[1])
        if graphs is not None:
            assert ways == ([graphs] if graphs else [])


def test_long_lists_of_pairs_cost_more(monkeypatch):
    problem = make_problem((6, 4), num_clusters=4, weights="positive")
    level, edges, given = edges_of(problem)
    ways = []
    monkeypatch.setattr(
        outer_products, "by_products", lambda e, w, s, c: ways.append(c) or by_products(e, w, s, c)
    )
    for name, value in (("CALL_COST", 0), ("PAIR_COST", 0), ("UNCACHED_PAIR_COST", 10**6)):
        monkeypatch.setattr(outer_products, name, value)
    for cached in (10**6, 1):
        monkeypatch.setattr(outer_products, "CACHED_PAIRS", cached)
        entries_of_graphs(edges, given, assign(problem, level))
    assert ways == [[0, 1]]


def test_some_graphs_by_pairs_and_some_by_products(monkeypatch):
    """A dense graph between sparse ones, so that both ways have a part."""
    parts = [make_problem((n,), num_clusters=3, edges_per_node=e, seed=n) for n, e in SHAPES]
    edges = torch.cat([part.edge_index + 8 * i for i, part in enumerate(parts)], 1)
    problem = Problem(
        (8, 8, 8),
        torch.cat([part.x for part in parts]),
        torch.cat([part.logits for part in parts]),
        edges,
        torch.cat([part.weight for part in parts]),
    )
    level, edges, given = edges_of(problem)
    s = assign(problem, level, percent=30)
    chosen = []
    monkeypatch.setattr(
        outer_products,
        "by_products",
        lambda e, w, s, graphs: chosen.extend(graphs) or by_products(e, w, s, graphs),
    )
    monkeypatch.setattr(outer_products, "CALL_COST", 0)
    monkeypatch.setattr(outer_products, "PAIR_COST", 2)
    keys, values = entries_of_graphs(edges, given, s)
    assert chosen == [1]
    wanted = by_pairs(edges, given, s)
    assert torch.equal(keys, wanted[0])
    assert_close(values, wanted[1])


SHAPES = ((8, 0.5), (8, 6.0), (8, 0.5))
