"""PyG's formats of sparse adjacencies: the same edges from each, and what none of them may be."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from torch_geometric import EdgeIndex

from pyg_diffpool.ops import edge_formats
from pyg_diffpool.ops.edge_formats import infer_num_nodes, read_edges, read_weights
from tests.formats import FORMATS, adjacency_format
from tests.problems import CORNER_CASES

PROBLEM = CORNER_CASES["directed, signed weights"]
N = PROBLEM.num_nodes


def matrix(source, target, weight):
    values = torch.ones(source.numel()).double() if weight is None else weight.double()
    empty = torch.zeros(N, N, dtype=torch.float64)
    return empty.index_put((source, target), values, accumulate=True)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "prepared"])
def test_every_format_holds_the_same_matrix(name):
    edge_index, weight = adjacency_format(PROBLEM, name)
    source, target, found = read_edges(edge_index, weight, N)
    assert source.dtype == target.dtype == torch.long
    assert source.is_contiguous()
    assert target.is_contiguous()
    wanted = torch.block_diag(*[PROBLEM.adjacency(graph) for graph in range(3)])
    assert_close(matrix(source, target, found), wanted)
    # One more than the largest index, where a format does not say.
    stated = N if "EdgeIndex" in name or "cs" in name or "coo" in name else None
    assert infer_num_nodes(edge_index, source, target) == (
        stated or int(PROBLEM.edge_index.max()) + 1
    )


@pytest.mark.sparse_tensor
def test_a_sparse_tensor_is_the_transpose_with_or_without_values():
    pytest.importorskip("torch_sparse")
    adj_t, _ = adjacency_format(PROBLEM, "SparseTensor")
    wanted = torch.block_diag(*[PROBLEM.adjacency(graph) for graph in range(3)])
    assert_close(matrix(*read_edges(adj_t, None, N)), wanted)
    source, target, weight = read_edges(adj_t.set_value(None), None, None)
    assert weight is None
    assert infer_num_nodes(adj_t, source, target) == N
    with pytest.raises(ValueError, match=r"edge_index: expected a square adj_t of shape \(3, 3\)"):
        read_edges(adj_t, None, 3)


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.int16])
def test_narrow_integers_are_edges_too(dtype):
    source, target, weight = read_edges(PROBLEM.edge_index.to(dtype), None, N)
    assert_close(torch.stack([source, target]), PROBLEM.edge_index)
    assert weight is None


@pytest.mark.parametrize(
    ("edge_index", "error", "message"),
    [
        ([[0], [1]], TypeError, "edge_index: expected a tensor of shape .* got list"),
        (np.zeros((2, 1), int), TypeError, "edge_index: expected .* or a prepared .* got ndarray"),
        (None, TypeError, "edge_index: expected a tensor of shape .* got None"),
        (torch.zeros(3, 4).long(), ValueError, r"edge_index: expected shape \[2, E\], got \(3, 4"),
        (torch.zeros(2).long(), ValueError, r"edge_index: expected shape \[2, E\], got \(2,\)"),
        (torch.zeros(2, 1), TypeError, "edge_index: expected an integer dtype, got torch.float32"),
        (torch.zeros(2, 1).bool(), TypeError, "edge_index: expected an integer .* torch.bool"),
        (torch.zeros(2, 1).cfloat(), TypeError, "edge_index: expected an integer .*complex64"),
        (torch.eye(3).long().to_sparse_csr(), TypeError, "sparse matrix with one floating point"),
        (
            torch.ones(3, 2).to_sparse_csr(),
            ValueError,
            r"square adj_t of shape \(3, 3\), got \(3, ",
        ),
    ],
)
def test_what_is_no_edges_is_named(edge_index, error, message):
    with pytest.raises(error, match=message):
        read_edges(edge_index, None, None)


def test_a_matrix_of_an_unknown_layout_is_told_by_its_layout():
    blocks = torch.eye(4).to_sparse_bsr((2, 2))
    with pytest.raises(TypeError, match=r"edge_index: .* got layout torch.sparse_bsr"):
        read_edges(blocks, None, 4)


def test_a_sparse_matrix_holds_its_own_weights():
    with pytest.raises(ValueError, match="edge_weight: expected None with a sparse matrix"):
        read_edges(torch.eye(3).to_sparse_csr(), torch.ones(3), 3)
    with pytest.raises(ValueError, match=r"square adj_t of shape \(4, 4\), got \(3, 3\)"):
        read_edges(torch.eye(3).to_sparse_csr(), None, 4)


@pytest.mark.parametrize(
    ("stated", "num_nodes", "expected"),
    [
        ((3, 4), None, "a square one"),
        ((3, 3), 4, r"\(4, 4\)"),
        ((None, 3), 4, r"\(4, 4\)"),
    ],
)
def test_what_an_edge_index_states_must_be_true(stated, num_nodes, expected):
    edges = EdgeIndex([[0, 1], [1, 0]], sparse_size=stated)
    with pytest.raises(ValueError, match=f"edge_index: expected sparse_size {expected}, got"):
        read_edges(edges, None, num_nodes)


def test_an_edge_index_may_state_one_side_or_none():
    for stated, wanted in (((None, 7), 7), ((7, None), 7), ((None, None), 2)):
        edges = EdgeIndex([[0, 1], [1, 0]], sparse_size=stated)
        source, target, _ = read_edges(edges, None, None)
        assert infer_num_nodes(edges, source, target) == wanted


def test_weights_are_a_row_or_a_column():
    weight = torch.tensor([1.0, 2.0])
    assert read_weights(None, 2) is None
    assert torch.equal(read_weights(weight, 2), weight)
    assert torch.equal(read_weights(weight.unsqueeze(1), 2), weight)
    for wrong in (weight, weight.repeat(3, 1), weight.view(1, 2)):
        with pytest.raises(ValueError, match="edge_weight: expected one weight for each of the 3"):
            read_weights(wrong, 3)
    with pytest.raises(TypeError, match="edge_weight: expected a floating point dtype"):
        read_weights(weight.long(), 2)
    with pytest.raises(TypeError, match="edge_weight: expected a tensor, got list"):
        read_weights([1.0, 2.0], 2)


def test_more_nodes_than_edges_can_have_are_not_believed(monkeypatch):
    """So many are taken on trust, and so many for each edge."""
    monkeypatch.setattr(edge_formats, "NODES_ON_TRUST", 10)
    monkeypatch.setattr(edge_formats, "NODES_PER_EDGE", 6)

    def inferred(*targets):
        return infer_num_nodes(None, torch.zeros(len(targets)).long(), torch.tensor(targets))

    assert inferred(9) == 10
    assert inferred(0, 11) == 12
    for targets in ((10,), (0, 12)):
        with pytest.raises(ValueError, match=rf"got {len(targets)} edges with node {targets[-1]} "):
            inferred(*targets)
    nothing = torch.empty(0).long()
    assert infer_num_nodes(None, nothing, nothing) == 0
    assert infer_num_nodes(None, torch.tensor([4]), torch.tensor([1])) == 5
