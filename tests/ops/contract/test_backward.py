"""Contracting backwards: each gradient from each result, alone and together, in eager mode."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.backends import BACKENDS
from pyg_diffpool.ops.contract.backward import Cotangents, Needs, Saved, gradients
from pyg_diffpool.ops.sparse_product import spmm
from tests.ops.contract.levels import contraction_oracle, level_of
from tests.problems import CORNER_CASES, leaf, make_problem

PROBLEMS = {
    "undirected": CORNER_CASES["undirected, duplicates"],
    "directed": CORNER_CASES["directed, signed weights"],
    "with empty graphs": CORNER_CASES["leading, inner and trailing empty graphs"],
}


def saved(problem, backend="padded", dtype=torch.float64):
    level = level_of(problem, problem.weight.to(dtype))
    x, s = problem.x.to(dtype), problem.s.to(dtype)
    multiplier = BACKENDS[backend](level.graphs)
    rows = multiplier.arrange(x, spmm(level.adjacency, s), s)
    gram = multiplier.contract(rows, x, s)[2]
    near = torch.zeros(problem.batch_size, dtype=torch.bool)
    return Saved(level, multiplier, x, s, rows, gram, near)


def cotangents(problem, arriving):
    clusters, columns = problem.s.size(1), problem.x.size(1)
    shapes = ((clusters, columns), (clusters, clusters), (clusters, clusters), ())
    generator = torch.Generator().manual_seed(3)
    whole = [
        torch.randn(problem.batch_size, *shape, generator=generator, dtype=torch.float64)
        for shape in shapes
    ]
    return [part if arrives else None for part, arrives in zip(whole, arriving, strict=True)]


def oracle(problem, level, onto):
    x, s, weight = leaf(problem.x), leaf(problem.s), leaf(level.adjacency.weight.double())
    results = contraction_oracle(level, x, s, weight)
    total = sum(
        (result * part).sum()
        for result, part in zip(results, onto, strict=True)
        if part is not None
    )
    found = torch.autograd.grad(total, (x, s, weight), allow_unused=True)
    return [
        torch.zeros_like(given) if slope is None else slope
        for slope, given in zip(found, (x, s, weight), strict=True)
    ]


@pytest.mark.parametrize("backend", ["padded", "ragged"])
@pytest.mark.parametrize(
    "arriving", [part for part in itertools.product([False, True], repeat=4) if any(part)]
)
@pytest.mark.parametrize("name", PROBLEMS)
def test_what_arrives_alone_and_together(name, arriving, backend):
    problem = PROBLEMS[name]
    kept = saved(problem, backend)
    onto = cotangents(problem, arriving)
    found = gradients(kept, Cotangents(*onto), Needs(True, True, True))
    assert_close(list(found), oracle(problem, kept.level, onto))


@pytest.mark.parametrize("needs", list(itertools.product([False, True], repeat=3)))
@pytest.mark.parametrize("name", PROBLEMS)
def test_what_is_not_needed_is_none_and_changes_nothing(name, needs):
    problem = PROBLEMS[name]
    kept = saved(problem)
    onto = cotangents(problem, [True] * 4)
    wanted = oracle(problem, kept.level, onto)
    for slope, needed, expected in zip(
        gradients(kept, Cotangents(*onto), Needs(*needs)), needs, wanted, strict=True
    ):
        assert (slope is not None) == needed
        if needed:
            assert_close(slope, expected)


def test_a_gradient_of_no_distances_counts_as_none():
    kept = saved(PROBLEMS["directed"])
    onto = cotangents(PROBLEMS["directed"], [True, True, True, False])
    empty = Cotangents(*onto[:3], torch.empty(0, dtype=torch.float64))
    needs = Needs(True, True, True)
    assert_close(
        list(gradients(kept, empty, needs)), list(gradients(kept, Cotangents(*onto), needs))
    )


@pytest.mark.parametrize("name", ["undirected", "directed"])
def test_graphs_near_the_optimum_come_through_float64(name):
    """Whatever is marked as near has the gradient that the others have, in float32 all the same."""
    problem = PROBLEMS[name]
    kept = saved(problem, dtype=torch.float32)
    onto = cotangents(problem, [True] * 4)
    wanted = oracle(problem, kept.level, onto)
    onto[:3] = [part.float() for part in onto[:3]]
    for chosen in range(problem.batch_size):
        near = torch.arange(problem.batch_size) == chosen
        found = gradients(kept._replace(near=near), Cotangents(*onto), Needs(True, True, True))
        for slope, expected in zip(found, wanted, strict=True):
            assert_close(slope.double(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("weights", ["none", "positive"])
def test_without_nodes_gradients_are_empty(weights):
    problem = make_problem((0, 0), weights=weights)
    level = level_of(problem)
    nothing = torch.empty(0, 3, dtype=torch.float64)
    kept = Saved(
        level, BACKENDS["ragged"](level.graphs), problem.x, problem.s, nothing, nothing, nothing
    )
    onto = Cotangents(*cotangents(problem, [True] * 4))
    x, s, weight = gradients(kept, onto, Needs(True, True, True))
    assert x.shape == problem.x.shape
    assert s.shape == problem.s.shape
    assert (weight is None) == (weights == "none")
    assert gradients(kept, onto, Needs(False, False, False)) == (None, None, None)
