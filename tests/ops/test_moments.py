"""Moments of neighbourhoods in three forms, against loops and PyG's aggregations."""

import pytest
import torch
from torch.testing import assert_close
from torch_geometric.nn.aggr import StdAggregation, VarAggregation

from pyg_diffpool.ops import prepare_adjacency, sparse_product
from pyg_diffpool.ops.moments import Moment, weighted_moments
from pyg_diffpool.ops.neighbourhoods import (
    DenseNeighbourhood,
    MessageNeighbourhood,
    SparseNeighbourhood,
)
from tests.oracles import sage_oracle
from tests.problems import make_problem, on_problems, projection

NAMES = ("sum", "mean", "max", "min", "var", "std")
MOMENTS = [Moment(name) for name in NAMES]
EXACT = {"rtol": 1e-8, "atol": 1e-8}


def neighbourhoods(problem, x):
    """Rows, neighbourhoods and how to find the rows of nodes in results, for each form."""
    source, target = problem.edge_index
    adjacency = prepare_adjacency(problem.edge_index, problem.edge_weight, problem.num_nodes)
    dense, mask = problem.to_dense(x)
    weight = problem.edge_weight
    messages = MessageNeighbourhood(target, problem.num_nodes, weight, source)
    return {
        "sparse": (x, SparseNeighbourhood(adjacency), ...),
        "dense": (dense, DenseNeighbourhood(problem.to_dense_adjacency()), mask),
        "messages": (x[source], messages, ...),
    }


@on_problems()
def test_all_forms_equal_loops(problem):
    expected = [sage_oracle(problem, problem.x, problem.weight, name) for name in NAMES]
    for rows, around, kept in neighbourhoods(problem, problem.x).values():
        found = [out[kept] for out in weighted_moments(rows, MOMENTS, around)]
        assert_close(found, expected, **EXACT)
        assert all(out.isfinite().all() for out in found)


@pytest.mark.parametrize("form", ["sparse", "dense", "messages"])
def test_variances_of_large_means_are_right_in_single_precision(form):
    """A mean of 1,000 and a deviation of 1: E[x²] - E[x]² in float32 has no correct digit."""
    problem = make_problem((60, 30), num_features=4, edges_per_node=12.0, weights="positive")
    x = (1000 + problem.x).float()
    around_1000 = neighbourhoods(problem, x)
    rows, around, kept = around_1000[form]
    moments = [Moment("mean"), Moment("var"), Moment("std")]
    found = weighted_moments(rows, moments, around)
    for moment, out in zip(moments, found, strict=True):
        expected = sage_oracle(problem, x.double(), problem.weight, moment.name).float()
        assert out.dtype == torch.float32
        assert_close(out[kept], expected, rtol=1e-5, atol=1e-5)
    assert 0.5 < found[1][kept].median() < 2


def test_gradients_of_variances_of_large_means_are_right_in_single_precision():
    problem = make_problem((40,), edges_per_node=8.0, weights="positive")
    gradients = []
    for dtype in (torch.float32, torch.float64):
        x = (1000 + problem.x).float().to(dtype).requires_grad_()
        weight = problem.edge_weight.to(dtype).requires_grad_()
        around = SparseNeighbourhood(prepare_adjacency(problem.edge_index, weight, 40))
        (out,) = weighted_moments(x, [Moment("std")], around)
        gradients.append(torch.autograd.grad(projection(out), (x, weight)))
    single, double = gradients
    assert_close(single, tuple(each.float() for each in double), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("semi_grad", [False, True])
@pytest.mark.parametrize("theirs", [VarAggregation, StdAggregation])
def test_values_and_gradients_equal_pygs(theirs, semi_grad):
    torch.manual_seed(0)
    # Two equal rows and a single one have no deviation, and the fourth node has no row.
    index = torch.tensor([0, 0, 0, 1, 1, 2])
    x = torch.randn(6, 3).double()
    x[4] = x[3]
    x.requires_grad_()
    moment = Moment("var" if theirs is VarAggregation else "std", semi_grad)
    (out,) = weighted_moments(x, [moment], MessageNeighbourhood(index, 4))
    expected = theirs(semi_grad)(x, index, dim_size=4)
    assert_close(out, expected, **EXACT)
    found = [torch.autograd.grad(projection(value), x)[0] for value in (out, expected)]
    assert_close(*found, **EXACT)


def test_weights_of_both_signs_give_no_nan():
    # The weights of node 0 sum to zero, those of node 1 give a negative expression.
    index = torch.tensor([0, 0, 1, 1])
    weight = torch.tensor([1.0, -1.0, 2.0, -1.0], requires_grad=True)
    x = torch.tensor([[1.0], [3.0], [1.0], [4.0]], requires_grad=True)
    around = MessageNeighbourhood(index, 2, weight)
    mean, var, std = weighted_moments(x, [Moment(n) for n in ("mean", "var", "std")], around)
    assert mean.flatten().tolist() == [0.0, -2.0]
    assert var.flatten().tolist() == [0.0, 2.0 - 16.0 - 4.0]
    assert std.flatten().tolist() == [0.0, 0.0]
    gradients = torch.autograd.grad((mean + var + std).sum(), (x, weight))
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_moments_share_one_weighted_sum(monkeypatch):
    problem = make_problem((6,), weights="positive")
    around = SparseNeighbourhood(prepare_adjacency(problem.edge_index, problem.edge_weight, 6))
    widths = []
    monkeypatch.setattr(
        "pyg_diffpool.ops.neighbourhoods.sparse_product",
        lambda adjacency, rows: widths.append(rows.size(1)) or sparse_product(adjacency, rows),
    )
    weighted_moments(problem.x, [Moment(name) for name in ("mean", "sum", "std", "var")], around)
    weighted_moments(problem.x, [Moment("max")], around)
    weighted_moments(problem.x, [Moment("mean"), Moment("sum")], around)
    assert widths == [4, 2]


def test_a_minimum_of_nothing_is_zero_without_a_sign():
    (out,) = weighted_moments(
        torch.empty(0, 1), [Moment("min")], MessageNeighbourhood(torch.empty(0).long(), 1)
    )
    assert str(out.item()) == "0.0"
