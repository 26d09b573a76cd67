"""The sparse product against dense matrices, below and above the width where its kernel changes."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool import Adjacency, prepare_adjacency
from pyg_diffpool.ops.sparse_product import (
    WIDE_COLUMNS,
    adjacency_structure,
    edge_products,
    sparse_product,
    spmm,
)
from tests.problems import leaf, make_problem, projection

WIDTHS = [1, WIDE_COLUMNS - 1, WIDE_COLUMNS, WIDE_COLUMNS + 1, 2 * WIDE_COLUMNS]
KINDS = {
    "undirected, unit weights": {"directed": False, "weights": "none", "duplicates": False},
    "undirected, duplicates": {"directed": False, "weights": "positive"},
    "directed, signed weights": {"directed": True, "weights": "signed"},
}


def matrix(problem, weight):
    blocks = [problem.adjacency(graph, weight) for graph in range(problem.batch_size)]
    return torch.block_diag(*blocks)


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_of_every_width(kind, columns):
    problem = make_problem((6, 1, 4), num_features=columns, **KINDS[kind])
    x, weight = leaf(problem.x), leaf(problem.weight)
    given = None if problem.edge_weight is None else weight
    adjacency = prepare_adjacency(problem.edge_index, given, problem.num_nodes)
    found = sparse_product(adjacency, x)
    wanted = matrix(problem, weight).t() @ x
    assert_close(found, wanted)
    assert_close(spmm(adjacency, x.detach()), wanted.detach())
    inputs = (x,) if given is None else (x, weight)
    assert_close(
        torch.autograd.grad(projection(found), inputs),
        torch.autograd.grad(projection(wanted), inputs),
    )


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_other_dtypes_are_summed_in_float32_and_returned_as_they_came(dtype, columns):
    problem = make_problem((6, 1, 4), num_features=columns, weights="positive")
    x, weight = problem.x.to(dtype), problem.edge_weight.to(dtype)
    adjacency = prepare_adjacency(problem.edge_index, weight, problem.num_nodes)
    wanted = matrix(problem, weight.double()).t() @ x.double()
    found = sparse_product(adjacency, x)
    assert found.dtype == dtype
    assert_close(found, wanted.to(dtype))


@pytest.mark.parametrize("columns", [0, 3, WIDE_COLUMNS])
def test_without_edges_or_columns_there_are_zeros(columns):
    adjacency = prepare_adjacency(torch.empty(2, 0, dtype=torch.long), None, 3)
    assert_close(spmm(adjacency, torch.ones(3, columns)), torch.zeros(3, columns))
    x = torch.ones(3, columns, requires_grad=True)
    sparse_product(adjacency, x).sum().backward()
    assert_close(x.grad, torch.zeros(3, columns))


def test_rows_of_any_strides_are_multiplied():
    problem = make_problem((5,), num_features=2 * WIDE_COLUMNS)
    adjacency = prepare_adjacency(problem.edge_index, problem.weight, 5)
    for x in (problem.x[:, ::2], problem.x.t().contiguous().t()):
        assert_close(sparse_product(adjacency, x), matrix(problem, problem.weight).t() @ x)


def test_edge_products_are_products_of_source_and_target():
    adjacency = prepare_adjacency(torch.tensor([[0, 2], [1, 0]]), None, 3)
    x, y = torch.tensor([[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]]), torch.eye(3)[:, :2]
    assert_close(edge_products(adjacency, x, y), torch.tensor([3.0, 2.0]))


def test_edge_products_of_more_edges_than_pairs_of_nodes():
    target = torch.zeros(3, dtype=torch.long)
    adjacency = Adjacency(torch.tensor([0, 3]), target, target)
    assert_close(
        edge_products(adjacency, torch.tensor([[2.0, 1.0]]), torch.tensor([[3.0, 4.0]])),
        torch.full((3,), 10.0),
    )


@pytest.mark.parametrize("columns", [2, WIDE_COLUMNS])
@pytest.mark.parametrize("kind", KINDS)
def test_the_flat_operators_multiply_alike(kind, columns):
    """What compiled code calls: an adjacency as tensors and numbers."""
    problem = make_problem((6, 1, 4), num_features=columns, **KINDS[kind])
    adjacency = prepare_adjacency(problem.edge_index, problem.edge_weight, problem.num_nodes)
    flat = (adjacency.weight, *adjacency_structure(adjacency))
    operators, dense = torch.ops.pyg_diffpool, matrix(problem, problem.weight)
    assert_close(operators.sparse_product(problem.x, *flat), dense.t() @ problem.x)
    assert_close(operators.transposed_product(problem.x, *flat), dense @ problem.x)
    y = problem.x.flip(0)
    wanted = (problem.x[adjacency.col] * y[adjacency.target]).sum(1)
    assert_close(operators.edge_products(problem.x, y, *flat), wanted)
