"""Contracting forwards: every result in its dtype, in all three forms, and what runs near zero."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.contract.forward import Contract, fake, plain
from pyg_diffpool.ops.level import SparseLevel
from tests.ops.contract.levels import contraction_oracle, level_of
from tests.problems import CORNER_CASES, leaf, make_problem, projection

PROBLEMS = {name: case for name, case in CORNER_CASES.items() if case.num_nodes > 0}
DTYPES = [
    (torch.float64, torch.float64),
    (torch.float32, torch.float32),
    (torch.bfloat16, torch.float32),
    (torch.float16, torch.float16),
    (torch.float32, torch.float64),
]


def contract(level: SparseLevel, x, s, backend="auto", distances=True):
    return Contract.forward(None, x, s, level.adjacency.weight, level, backend, distances)


def one_hot(clusters, count=2):
    return torch.nn.functional.one_hot(torch.tensor(clusters), count).float()


@pytest.mark.parametrize("backend", ["padded", "ragged"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_values(name, backend):
    problem = PROBLEMS[name]
    level = level_of(problem)
    found = contract(level, problem.x, problem.s, backend)
    assert_close(
        tuple(found[:4]), contraction_oracle(level, problem.x, problem.s, level.adjacency.weight)
    )
    matrix = torch.block_diag(*[problem.adjacency(g) for g in range(problem.batch_size)])
    assert_close(found.product, matrix.t() @ problem.s)
    assert found.adj.is_contiguous()


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_plain_form_has_the_same_values_and_gradients(name):
    problem = PROBLEMS[name]
    level = level_of(problem)
    x, s = leaf(problem.x), leaf(problem.s)
    weight = level.adjacency.weight
    inputs = (x, s)
    if weight is not None and weight.numel() > 0:
        weight = leaf(weight)
        inputs = (x, s, weight)
    found = plain(x, s, weight, level, "auto", True)
    wanted = contraction_oracle(level, x, s, weight)
    assert_close(tuple(found[:4]), wanted)
    assert_close(
        torch.autograd.grad(projection(*found[:4]), inputs),
        torch.autograd.grad(projection(*wanted), inputs),
    )
    assert not found.product.requires_grad


@pytest.mark.parametrize("distances", [True, False])
@pytest.mark.parametrize(("rows", "assignment"), DTYPES)
def test_dtypes_and_shapes_are_those_that_were_foretold(rows, assignment, distances):
    problem = make_problem((5, 0, 3), weights="positive")
    level = level_of(problem, problem.weight.to(rows))
    x, s = problem.x.to(rows), problem.s.to(assignment)
    arguments = (x, s, level.adjacency.weight, level, "auto", distances)
    sums = torch.promote_types(torch.promote_types(rows, assignment), torch.float32)
    told = fake(*arguments)
    assert told.pooled.dtype == torch.promote_types(rows, assignment)
    assert told.adj.dtype == told.gram.dtype == told.product.dtype == sums
    assert told.squared.dtype == torch.float64
    found = Contract.forward(None, *arguments)
    # The plain form multiplies in float64 for distances, and does not tell which graphs are near.
    for results, kept in ((found, 6), (plain(*arguments), 4)):
        for result, expected in zip(results[:kept], told[:kept], strict=True):
            assert result.dtype == expected.dtype
            assert result.shape == expected.shape
    wanted = contraction_oracle(level, x, s, level.adjacency.weight)
    assert_close(found.gram.double(), wanted[2], rtol=1e-5, atol=1e-6)
    assert_close(found.adj.double(), wanted[1], rtol=1e-5, atol=1e-6)
    assert_close(found.pooled.double(), wanted[0], rtol=1e-2, atol=1e-2)
    if distances:
        assert_close(found.squared, wanted[3], rtol=1e-5, atol=1e-5)


def test_only_results_that_have_a_gradient_ask_for_one():
    problem = PROBLEMS["directed, signed weights"]
    level = level_of(problem)
    found = Contract.apply(leaf(problem.x), leaf(problem.s), None, level, "auto", True)
    assert [part.requires_grad for part in found] == [True] * 4 + [False] * 2


@pytest.mark.parametrize("sizes", [(0, 0), ()])
def test_without_nodes_there_are_zeros(sizes):
    problem = make_problem(sizes) if sizes else make_problem((0,))
    level = level_of(problem)
    if not sizes:
        graphs = level.graphs
        level = level._replace(graphs=graphs._replace(ptr=graphs.ptr[:1], batch_size=0))
    found = contract(level, problem.x, problem.s)
    assert found.pooled.shape == (len(sizes), 3, 2)
    assert all(part.count_nonzero() == 0 for part in found)


def test_only_the_graph_near_its_optimum_is_multiplied_in_float64():
    """Two hard clusters that are cliques with loops predict their graph without a miss."""
    cliques = torch.tensor([[0, 0, 1, 1, 2], [0, 1, 0, 1, 2]])
    apart = torch.tensor([[3, 4], [4, 3]])
    problem = make_problem((3, 2), weights="none")
    edges = torch.cat([cliques, apart], 1)
    level = level_of(type(problem)((3, 2), problem.x, problem.logits, edges, None))
    s = one_hot([0, 0, 1, 0, 1])
    found = contract(level, torch.ones(5, 1), s)
    assert found.near.tolist() == [True, False]
    assert found.squared.tolist() == [0.0, 4.0]
    s[2] = torch.tensor([1e-4, 1.0 - 1e-4])
    squared = contract(level, torch.ones(5, 1), s).squared
    wanted = contraction_oracle(level, torch.ones(5, 1), s, None)[3]
    assert_close(squared, wanted, rtol=1e-6, atol=0.0)
