"""Sparse and dense levels of the same graphs: read once, and equal through every method."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.level import DenseLevel, SparseLevel, read_graphs, read_level
from pyg_diffpool.ops.padded_graphs import PaddedGraphs
from pyg_diffpool.ops.segments import Segments
from tests.oracles import coarsen_oracle, link_oracle
from tests.problems import CORNER_CASES, make_problem

PROBLEM = CORNER_CASES["directed, signed weights"]


def sparse(problem=PROBLEM) -> tuple[SparseLevel, tuple[torch.Tensor, ...]]:
    given = (problem.edge_index, problem.edge_weight, problem.batch, problem.batch_size)
    return read_level({"x": problem.x, "s": problem.s}, *given)


def dense(problem=PROBLEM, fill=0.0) -> tuple[DenseLevel, tuple[torch.Tensor, ...]]:
    (x, mask), (s, _) = (problem.to_dense(rows, fill=fill) for rows in (problem.x, problem.s))
    adj = problem.to_dense_adjacency(fill=fill)
    return read_level({"x": x, "s": s}, adj, mask=mask, validate=False)


@pytest.mark.parametrize("read", [sparse, dense, lambda: dense(fill=float("nan"))])
def test_contractions_and_distances(read):
    level, (x, s) = read()
    coarsening, squared = level.contract(x, s, distances="graphs")
    assert_close(tuple(coarsening), coarsen_oracle(PROBLEM, PROBLEM.x, PROBLEM.s))
    wanted = link_oracle(PROBLEM, PROBLEM.s, convention="pyg")
    assert_close(squared, wanted)
    assert_close(level.squared_distances(s), wanted)
    assert level.contract(x, s)[1] is None


def test_padding_counts_only_where_it_is_asked_for():
    level, (_, s) = dense(fill=2.0)
    padding = (~(level.mask.unsqueeze(1) & level.mask.unsqueeze(2))).sum((1, 2))
    inside = level.squared_distances(s, "graphs")
    assert_close(level.squared_distances(s, "padded"), inside + 4.0 * padding)
    sparse_level, (_, rows) = sparse()
    assert_close(sparse_level.squared_distances(rows, "padded"), inside)


def test_both_count_the_entries_of_padded_matrices():
    assert sparse()[0].padded_pairs() == dense()[0].padded_pairs() == 3 * 6**2


def test_a_level_is_flattened_and_put_together_again():
    level, _ = sparse()
    again = SparseLevel.of(level.adjacency.weight, level.structure())
    assert_close(again.adjacency.transpose().col, level.adjacency.transpose().col)
    assert bool(again.adjacency.undirected) == level.adjacency.undirected
    assert_close(again.graphs.sizes, level.graphs.sizes)
    assert again.graphs.given_width == level.graphs.given_width


def test_what_graphs_share_is_expanded_unless_asked_otherwise():
    x, s, adj = torch.ones(4, 5, 3), torch.ones(5, 2), torch.ones(5, 5)
    level, rows = read_level({"x": x, "s": s}, adj)
    assert [part.size(0) for part in (level.adj, *rows)] == [4, 4, 4]
    assert level.graphs.batch_size == 4
    level, rows = read_level({"x": x, "s": s}, adj, expand=False)
    assert [part.size(0) for part in (level.adj, *rows)] == [1, 4, 1]


def test_rows_without_edges_are_read_too():
    problem = make_problem((2, 1))
    graphs = read_graphs(problem.s, problem.batch, 2, None, None, None)
    assert isinstance(graphs, Segments)
    s, mask = problem.to_dense(problem.s)
    graphs = read_graphs(s, None, None, mask, None, None)
    assert isinstance(graphs, PaddedGraphs)
    assert graphs.sizes.tolist() == [2, 1]


@pytest.mark.parametrize("weight", [1.5, -0.25])
def test_weights_that_are_no_probabilities_are_refused_in_every_format(weight):
    edges, weights = torch.tensor([[0, 1, 2], [1, 2, 0]]), torch.tensor([0.5, weight, 0.5])
    adj_t = torch.sparse_coo_tensor(edges.flip(0), weights, (3, 3)).coalesce()
    x = torch.ones(3, 1)
    for given in (adj_t, adj_t.to_sparse_csr(), adj_t.to_dense().t()):
        rows = x.unsqueeze(0) if given.layout == torch.strided else x
        with pytest.raises(ValueError, match=r"(edge_weight|edge_index): expected weights within"):
            read_level({"x": rows}, given, probabilities=True)
        read_level({"x": rows}, given)


def test_prepared_weights_may_be_sums_but_not_negative():
    edges = torch.tensor([[0, 0, 1], [1, 1, 0]])
    x = torch.ones(2, 1)
    level, _ = read_level({"x": x}, edges, torch.tensor([0.75, 0.75, 1.0]), probabilities=True)
    assert level.adjacency.weight.max() == 1.5
    read_level({"x": x}, level.adjacency, probabilities=True)
    negative = level.adjacency._replace(weight=-level.adjacency.weight)
    with pytest.raises(ValueError, match="edge_weight: expected weights within"):
        read_level({"x": x}, negative, probabilities=True)
