"""Sums and means over neighbours, against a dense matrix."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops import prepare_adjacency
from pyg_diffpool.ops.aggregation import DenseAggregation, SparseAggregation, inverse_or_zero
from tests.problems import projection

NUM_NODES = 5
# With a duplicate, a loop and a node without neighbours; the second one is symmetric.
EDGES = {
    "directed": torch.tensor([[0, 1, 1, 1, 3, 4], [1, 2, 2, 0, 3, 1]]),
    "undirected": torch.tensor([[0, 1, 1, 2, 3, 3], [1, 0, 2, 1, 0, 3]])[:, [0, 1, 2, 3, 5]],
}


def dense_matrix(adj, aggr):
    """The matrix of the aggregation, given adjacency matrices (..., N, N) with rows as sources."""
    matrix = adj.transpose(-1, -2)
    if aggr == "sum":
        return matrix
    total = matrix.sum(-1, keepdim=True)
    return torch.where(total == 0, 0.0, matrix / torch.where(total == 0, 1.0, total))


def dense(edges, weight):
    adj = weight.new_zeros(NUM_NODES, NUM_NODES)
    return adj.index_put((edges[0], edges[1]), weight, accumulate=True)


@pytest.mark.parametrize("aggr", ["mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", EDGES)
def test_prepared_edges(name, weighted, aggr):
    torch.manual_seed(0)
    edges = EDGES[name]
    weight = torch.ones(edges.size(1)).double()
    if weighted:
        weight = (torch.rand(edges.size(1)).double() + 0.5).requires_grad_()
    adjacency = prepare_adjacency(edges, weight if weighted else None, NUM_NODES)
    aggregation = SparseAggregation(adjacency, aggr, torch.float64)
    matrix = dense_matrix(dense(edges, weight), aggr)
    rows, grad = torch.randn(2, NUM_NODES, 3).double()
    assert_close(aggregation.product(rows), (matrix @ rows).detach())
    assert_close(aggregation.transposed_product(grad), (matrix.t() @ grad).detach())
    assert_close(aggregation.plain_product(aggregation.values, rows), matrix @ rows)
    onto_values = aggregation.gradient_of_values(grad, rows)
    assert_close(onto_values, (grad @ rows.t())[adjacency.target, adjacency.col])
    if weighted:
        (found,) = torch.autograd.grad(aggregation.values, weight, onto_values)
        (expected,) = torch.autograd.grad(matrix @ rows, weight, grad)
        assert_close(found, expected)


@pytest.mark.parametrize("aggr", ["mean", "sum"])
@pytest.mark.parametrize("masked", [False, True])
def test_adjacency_matrices(masked, aggr):
    torch.manual_seed(0)
    adj = torch.rand(2, NUM_NODES, NUM_NODES).double()
    adj[0, :, 1] = 0
    adj.requires_grad_()
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).bool() if masked else None
    valid = adj if mask is None else adj * (mask.unsqueeze(1) & mask.unsqueeze(2))
    aggregation = DenseAggregation(adj, mask, aggr, torch.float64)
    matrix = dense_matrix(valid, aggr)
    rows, grad = torch.randn(2, 2, NUM_NODES, 3).double()
    flat_rows, flat_grad = rows.flatten(0, 1), grad.flatten(0, 1)
    expected = (matrix @ rows).flatten(0, 1)
    assert_close(aggregation.product(flat_rows), expected.detach())
    assert_close(aggregation.plain_product(aggregation.values, flat_rows), expected)
    transposed = matrix.transpose(1, 2) @ grad
    assert_close(aggregation.transposed_product(flat_grad), transposed.flatten(0, 1).detach())
    onto_values = aggregation.gradient_of_values(flat_grad, flat_rows)
    (found,) = torch.autograd.grad(aggregation.values, adj, onto_values)
    (wanted,) = torch.autograd.grad(expected, adj, flat_grad)
    assert_close(found, wanted)


def test_a_sum_of_weights_near_zero_counts_as_zero():
    total = torch.tensor([2.0, 0.0, 1e-30, -4.0], requires_grad=True)
    inverse = inverse_or_zero(total)
    assert_close(inverse, torch.tensor([0.5, 0.0, 0.0, -0.25]))
    (slope,) = torch.autograd.grad(projection(inverse), total)
    assert slope[1] == slope[2] == 0
    assert slope.isfinite().all()
