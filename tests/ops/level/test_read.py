"""From arguments to a level: what is expanded, what is refused, and by which name."""

from contextlib import nullcontext

import pytest
import torch
from torch.testing import assert_close
from torch_geometric import EdgeIndex

from pyg_diffpool.ops.level import (
    DenseLevel,
    SparseLevel,
    checked_matrices,
    is_dense_level,
    read_dense,
    read_graphs,
    read_level,
    read_mask,
)
from pyg_diffpool.ops.padded_graphs import PaddedGraphs
from pyg_diffpool.ops.segments import Segments
from tests.formats import FORMATS, adjacency_format
from tests.ops.level.levels import PROBLEM, dense, sparse
from tests.problems import LargestTensor, make_problem


def test_three_dimensions_make_a_dense_level():
    assert is_dense_level(torch.ones(2, 2), torch.ones(1, 2, 2))
    assert not is_dense_level(torch.ones(2, 2), None, "adj")
    assert isinstance(sparse()[0], SparseLevel)
    assert isinstance(dense()[0], DenseLevel)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_sparse_level(name):
    edge_index, weight = adjacency_format(PROBLEM, name)
    level, (x,) = read_level({"x": PROBLEM.x}, edge_index, weight, PROBLEM.batch, 3)
    assert x is PROBLEM.x
    assert level.graphs.sizes.tolist() == list(PROBLEM.sizes)
    found = torch.zeros(PROBLEM.num_nodes, PROBLEM.num_nodes, dtype=torch.float64)
    found[level.adjacency.col, level.adjacency.target] = level.adjacency.weight
    assert_close(found, torch.block_diag(*[PROBLEM.adjacency(graph) for graph in range(3)]))


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


def test_matrices_of_a_dense_level_are_checked_by_the_name_they_came_with():
    x = torch.ones(2, 3, 1)
    good = torch.ones(2, 3, 3)
    assert checked_matrices("adj", good, "x", x) is good
    assert checked_matrices("adj", good[0], "x", x).shape == (3, 3)
    beside = r"\[B, N, N\] or \[N, N\] with x of shape \(2, 3, 1\)"
    for wrong, told in (
        (good.tolist(), "got list"),
        (torch.eye(3).to_sparse_csr(), "got a sparse matrix of layout torch.sparse_csr"),
        (EdgeIndex([[0, 1], [1, 0]], sparse_size=(3, 3)), "got an EdgeIndex of 2 edges"),
        (good.long(), "of a floating point dtype, got a tensor of torch.int64 .*to_dense_adj"),
    ):
        with pytest.raises(TypeError, match=f"^adj: expected .*{beside}.*{told}"):
            checked_matrices("adj", wrong, "x", x)
    for shape in ((2, 3, 4), (2, 4, 3), (4, 4)):
        with pytest.raises(ValueError, match=r"^adj: expected shape \[B, 3, 3\] or \[3, 3\]"):
            checked_matrices("adj", torch.ones(shape), "x", x)


def test_parts_of_a_dense_level_agree_in_graphs_and_nodes():
    parts = {"x": torch.ones(3, 1), "s": torch.ones(4, 3, 2)}
    (x, s), mask = read_dense(parts, torch.tensor([True, False, True]))
    assert x.shape == (1, 3, 1)
    assert s.shape == (4, 3, 2)
    assert mask.tolist() == [[True, False, True]]
    for wrong, message in (
        ({"s": torch.ones(4, 2, 2)}, "s: expected a row for each of the 3 nodes of x"),
        ({"s": torch.ones(4, 3, 2), "adj": torch.ones(2, 3, 3)}, "adj: expected a batch of 4"),
    ):
        with pytest.raises(ValueError, match=message):
            read_dense({"x": torch.ones(3, 1), **wrong}, None)
    for shape in ((3, 3), (4, 2), (2,), (4, 3, 1)):
        with pytest.raises(ValueError, match=r"mask: expected shape \[4, 3\] or \[3\]"):
            read_dense(parts, torch.ones(shape, dtype=torch.bool))


def test_sizes_that_a_dense_level_has_may_be_said_if_they_are_true():
    given = ({"x": torch.ones(2, 3, 1)}, torch.ones(2, 3, 3))
    level, _ = read_level(*given, batch_size=2, max_num_nodes=3)
    assert level.graphs.batch_size == 2
    for options in ({"batch_size": 1}, {"max_num_nodes": 4}):
        with pytest.raises(ValueError, match=f"{next(iter(options))}: expected None or"):
            read_level(*given, **options)


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.uint8])
def test_masks_of_zeros_and_ones_become_truth_values_where_there_are_values(dtype):
    truth = torch.tensor([[True, False]])
    assert read_mask(None, None) is None
    assert read_mask(truth, False) is truth
    for validate in (None, True, False):
        assert torch.equal(read_mask(truth.to(dtype), validate), truth)
    for wrong in (truth.to(torch.complex64), truth.to(dtype)):
        # Traced code has no values yet, and complex ones have no order.
        with (
            nullcontext() if wrong.is_complex() else LargestTensor(),
            pytest.raises(TypeError, match=f"mask: expected a boolean tensor, got {wrong.dtype}"),
        ):
            read_mask(wrong, None)
    with pytest.raises(ValueError, match=r"mask: expected True and False, or 1 and 0.* got 2"):
        read_mask(2 * truth.to(dtype), None)


def test_values_in_padding_are_not_looked_at():
    adj = torch.full((1, 2, 2), float("nan"))
    adj[0, 0, 0] = 1.0
    given = ({"x": torch.ones(1, 2, 1)}, adj)
    mask = torch.tensor([[True, False]])
    read_level(*given, mask=mask, probabilities=True)
    read_level(*given, validate=False)
    with pytest.raises(ValueError, match="edge_index: expected finite weights, got nan"):
        read_level(*given)
