"""The prepared adjacency: one coalesced matrix, its transpose, and when it is symmetric."""

import pytest
import torch
from hypothesis import assume, given
from torch.testing import assert_close
from torch_geometric import EdgeIndex

from pyg_diffpool import Adjacency, prepare_adjacency
from tests.problems import CORNER_CASES, LargestTensor, Problem, leaf, on_problems, problems


def to_matrix(adjacency: Adjacency) -> torch.Tensor:
    """``A`` by a loop over the compressed rows, which hold the edges into each node."""
    n = adjacency.num_nodes
    matrix = torch.zeros(n, n, dtype=torch.float64)
    for v in range(n):
        for e in range(int(adjacency.rowptr[v]), int(adjacency.rowptr[v + 1])):
            assert adjacency.target[e] == v
            weight = 1.0 if adjacency.weight is None else adjacency.weight[e]
            matrix[adjacency.col[e], v] += weight
    return matrix


def whole_matrix(problem: Problem) -> torch.Tensor:
    return torch.block_diag(*[problem.adjacency(g) for g in range(problem.batch_size)])


@on_problems()
def test_matrix_and_transpose(problem):
    assume(problem.num_nodes > 0)
    matrix = whole_matrix(problem)
    for transpose in (True, False, None):
        adjacency = prepare_adjacency(
            problem.edge_index, problem.edge_weight, problem.num_nodes, transpose=transpose
        )
        assert_close(to_matrix(adjacency), matrix, rtol=0.0, atol=0.0)
        assert_close(to_matrix(adjacency.transpose()), matrix.t(), rtol=0.0, atol=0.0)
        pairs = adjacency.target * problem.num_nodes + adjacency.col
        assert (pairs.diff() > 0).all(), "sorted, without duplicates"
        assert adjacency.coalesced is adjacency.transpose().coalesced is True
        if adjacency.undirected:
            assert torch.equal(matrix, matrix.t())


@given(problem=problems(weights=("none", "positive")))
def test_symmetry_is_found_in_any_order(problem):
    assume(problem.num_nodes > 0)
    matrix = whole_matrix(problem)
    adjacency = prepare_adjacency(
        problem.edge_index, problem.edge_weight, problem.num_nodes, transpose=True
    )
    assert adjacency.undirected == torch.equal(matrix, matrix.t())


@given(problem=problems(weights=("positive", "signed")))
def test_gradient_of_the_weights(problem):
    assume(problem.edge_index.size(1) > 0)
    weight = leaf(problem.edge_weight)
    adjacency = prepare_adjacency(problem.edge_index, weight, problem.num_nodes)
    matrix = torch.zeros(problem.num_nodes, problem.num_nodes, dtype=torch.float64)
    matrix = matrix.index_put((adjacency.col, adjacency.target), adjacency.weight)
    direction = torch.arange(1.0, problem.num_nodes**2 + 1, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((matrix.flatten() * direction).sum(), weight)
    source, target = problem.edge_index
    assert_close(gradient, direction[source * problem.num_nodes + target])


def test_prepared_twice_is_the_same_object():
    problem = CORNER_CASES["directed, signed weights"]
    adjacency = prepare_adjacency(problem.edge_index, problem.edge_weight)
    assert prepare_adjacency(adjacency) is adjacency
    with pytest.raises(ValueError, match="edge_weight"):
        prepare_adjacency(adjacency, problem.edge_weight)
    with pytest.raises(ValueError, match="edge_index"):
        prepare_adjacency(adjacency, num_nodes=problem.num_nodes + 1)


def test_number_of_nodes_is_inferred():
    edge_index = torch.tensor([[0, 4], [2, 1]])
    assert prepare_adjacency(edge_index).num_nodes == 5
    assert prepare_adjacency(edge_index, num_nodes=9).num_nodes == 9
    assert prepare_adjacency(torch.empty(2, 0, dtype=torch.long)).num_nodes == 0
    assert prepare_adjacency(torch.eye(4).to_sparse_csr()).num_nodes == 4


def test_an_edge_index_is_believed_about_its_structure_only():
    edge_index = EdgeIndex(
        [[0, 1, 1, 2], [1, 0, 2, 1]], sparse_size=(3, 3), sort_order="row", is_undirected=True
    )
    assert prepare_adjacency(edge_index).undirected
    asymmetric = prepare_adjacency(edge_index, torch.tensor([1.0, 2.0, 3.0, 3.0]))
    assert not asymmetric.undirected
    assert to_matrix(asymmetric)[0, 1] == 1.0
    assert to_matrix(asymmetric)[1, 0] == 2.0


def test_edges_across_a_large_index_range_do_not_overflow():
    n = 3_000_000
    edge_index = torch.tensor([[n - 1, 0, 0], [n - 2, n - 1, n - 1]], dtype=torch.int32)
    adjacency = prepare_adjacency(edge_index, num_nodes=n)
    assert adjacency.col.tolist() == [n - 1, 0]
    assert adjacency.target.tolist() == [n - 2, n - 1]
    assert adjacency.weight.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("weighted", [True, False])
def test_traced_code_prepares_the_same_matrix(weighted):
    """Duplicates stand side by side there, since nothing is looked at."""
    problem = CORNER_CASES["directed, signed weights"]
    weight = leaf(problem.edge_weight) if weighted else None
    with LargestTensor():
        adjacency = prepare_adjacency(problem.edge_index, weight, problem.num_nodes)
    plain = prepare_adjacency(problem.edge_index, weight, problem.num_nodes)
    assert not adjacency.coalesced
    assert not bool(adjacency.undirected)
    assert_close(to_matrix(adjacency), to_matrix(plain))
    assert_close(to_matrix(adjacency.coalesce()), to_matrix(plain))
    if weighted:
        slope = torch.arange(1.0, weight.numel() + 1, dtype=torch.float64)
        order = (problem.edge_index[1] * problem.num_nodes + problem.edge_index[0]).argsort(
            stable=True
        )
        (found,) = torch.autograd.grad((adjacency.weight * slope).sum(), weight)
        assert_close(found[order], slope)
