"""Contractions with a sparse assignment as sparse matrices, against dense ones."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from pyg_diffpool import prepare_adjacency
from pyg_diffpool.ops.assignments.sparse import SPARSE_ASSIGNMENTS
from pyg_diffpool.ops.contract.sparse_coarsening import (
    gram_matrix,
    pooled_adjacency,
    squared_distances,
)
from tests.ops.contract.assignments import as_matrices, assign
from tests.ops.contract.levels import contraction_oracle, level_of
from tests.problems import leaf, make_problem, on_problems, projection


@pytest.mark.parametrize("name", SPARSE_ASSIGNMENTS)
@on_problems()
def test_values_and_gradients(name, problem):
    logits, weight = leaf(problem.logits), leaf(problem.weight)
    level = level_of(problem, weight)
    s = assign(problem, level, name, logits)
    adj, gram = pooled_adjacency(level, s), gram_matrix(s)
    squared = squared_distances(level, adj, gram)
    dense = s.to_dense()
    if problem.batch_size == 0:
        return
    oracle = contraction_oracle(level, problem.x, dense, level.adjacency.weight)
    width = dense.size(1)
    found = as_matrices(adj, width), as_matrices(gram, width), squared
    assert_close(found, oracle[1:], rtol=1e-9, atol=1e-9)

    assert_close(adj.trace(), oracle[1].diagonal(dim1=1, dim2=2).sum(1))
    assert_close(gram.squared_norm(), oracle[2].square().sum((1, 2)))
    graph, place = s.clusters.batch, torch.arange(s.clusters.batch.numel())
    place = place - s.clusters.ptr[graph]
    assert_close(gram.diagonal(), oracle[2][graph, place, place])

    inputs = (logits, weight)
    slopes = [
        torch.autograd.grad(projection(*parts), inputs, allow_unused=True, retain_graph=True)
        for parts in (found, oracle[1:])
    ]
    assert_close(slopes[0], slopes[1], rtol=1e-8, atol=1e-8)


@on_problems()
def test_the_next_level_s_adjacency(problem):
    level = level_of(problem)
    adj = pooled_adjacency(level, assign(problem, level))
    undirected = bool(level.adjacency.undirected)
    found = adj.adjacency(torch.float64, undirected)
    edges = torch.stack([adj.pattern.col, adj.pattern.row])
    wanted = prepare_adjacency(edges, adj.value, adj.pattern.num_rows)
    assert torch.equal(found.rowptr, wanted.rowptr)
    assert torch.equal(found.col, wanted.col)
    assert torch.equal(found.target, wanted.target)
    assert_close(found.weight, wanted.weight)
    assert found.coalesced
    if undirected:
        dense = as_matrices(adj, max(problem.sizes, default=0) + 5)
        assert_close(dense, dense.transpose(1, 2))
    else:
        assert torch.equal(found.col[found.transposed], found.col.sort(stable=True).values)


def test_derivatives_of_first_and_second_order():
    problem = make_problem((4, 3), num_clusters=3, weights="positive", duplicates=False)

    def function(logits, weight):
        level = level_of(problem, weight)
        s = assign(problem, level, "entmax15", logits)
        adj, gram = pooled_adjacency(level, s), gram_matrix(s)
        return adj.value, squared_distances(level, adj, gram)

    inputs = leaf(problem.logits), leaf(problem.weight)
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


def test_the_distance_is_exact_where_its_terms_cancel():
    """Cliques and their own clusters, in float32: the three terms cancel to the last digit."""
    cliques, size = 3, 40
    node = torch.arange(cliques * size)
    same = node.unsqueeze(1) // size == node // size
    problem = make_problem((cliques * size,), num_clusters=3)
    logits = torch.nn.functional.one_hot(node // size, 3).float() * 9
    adjacency = prepare_adjacency(same.nonzero().t(), num_nodes=cliques * size)
    level = level_of(problem)._replace(adjacency=adjacency)
    s = assign(problem, level, logits=logits)
    squared = squared_distances(level, pooled_adjacency(level, s), gram_matrix(s))
    assert squared.tolist() == [0.0]
