"""Edges between two sets of nodes, as one square matrix."""

import pytest
import torch
from torch.testing import assert_close
from torch_geometric import EdgeIndex

from pyg_diffpool.ops import prepare_adjacency, sparse_product
from pyg_diffpool.ops.bipartite import (
    padded_sources,
    prepare_bipartite,
    read_node_pair,
    reversed_edges,
)

EDGES = torch.tensor([[0, 1, 2, 3, 3], [0, 0, 1, 1, 1]])
WEIGHT = torch.tensor([1.0, 2.0, 0.5, 1.0, 1.0])
MATRIX = torch.zeros(2, 4).index_put((EDGES[1], EDGES[0]), WEIGHT, accumulate=True)
X, Y = torch.randn(4, 3), torch.randn(2, 5)


def formats():
    yield EDGES, WEIGHT
    yield EdgeIndex(EDGES, sparse_size=(4, 2)), WEIGHT
    yield EdgeIndex(EDGES, sparse_size=(None, 2)), WEIGHT
    for layout in (torch.sparse_csr, torch.sparse_csc, torch.sparse_coo):
        yield MATRIX.to_sparse(layout=layout), None
    yield prepare_adjacency(EDGES, WEIGHT, 4), None


@pytest.mark.parametrize("number", range(7))
def test_all_formats_give_the_matrix(number):
    edges, weight = list(formats())[number]
    adjacency = prepare_bipartite(edges, weight, 4, 2)
    assert adjacency.num_nodes == 4
    product = sparse_product(adjacency, padded_sources(X, 4))
    assert_close(product[:2], MATRIX @ X)


def test_more_targets_than_sources():
    adjacency = prepare_bipartite(EDGES.flip(0), WEIGHT, 2, 4)
    rows = padded_sources(Y, adjacency.num_nodes)
    assert rows.shape == (4, 5)
    assert_close(sparse_product(adjacency, rows), MATRIX.t() @ Y)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        (EDGES.flip(0), "expected targets from 0 to 1, got 0 to 3"),
        (EDGES + 1, "expected sources from 0 to 3, got 1 to 4"),
        (prepare_adjacency(EDGES.flip(0), num_nodes=4), "expected targets from 0 to 1"),
        (prepare_adjacency(EDGES, num_nodes=5), "expected an adjacency of 4 nodes, got 5"),
        (MATRIX.t().to_sparse_csr(), r"expected an adj_t of shape \(2, 4\), got \(4, 2\)"),
        (EdgeIndex(EDGES, sparse_size=(4, 4)), r"expected sparse_size \(4, 2\), got \(4, 4\)"),
    ],
)
def test_what_does_not_fit_is_named(edges, message):
    with pytest.raises(ValueError, match=f"^edge_index: {message}"):
        prepare_bipartite(edges, None, 4, 2)


def test_pairs_of_nodes():
    one = read_node_pair(X, EDGES, None)
    assert one.source is one.target is X
    assert (one.num_targets, one.num_sources) == (4, None)
    two = read_node_pair((X, Y), EDGES, (4, None))
    assert (two.num_targets, two.num_sources) == (2, 4)
    assert two.target is Y


@pytest.mark.parametrize(
    ("edges", "size", "expected"),
    [
        (EDGES, None, 4),
        (EDGES, (4, 2), 2),
        (EDGES, (None, 3), 3),
        (MATRIX.to_sparse_csr(), None, 2),
        (EdgeIndex(EDGES, sparse_size=(4, 2)), None, 2),
        (EdgeIndex(EDGES), None, 4),
        (prepare_adjacency(EDGES, num_nodes=5), None, 5),
    ],
)
def test_targets_without_features_are_counted_by_what_tells_them(edges, size, expected):
    pair = read_node_pair((X, None), edges, size)
    assert (pair.num_targets, pair.target) == (expected, None)


@pytest.mark.parametrize(
    ("x", "size", "error", "message"),
    [
        ([X, Y, X], None, TypeError, "x: expected a tensor, or a pair"),
        (None, None, TypeError, "x: expected a tensor, or a pair .* got None"),
        ((None, Y), None, TypeError, r"x\[0\]: expected a tensor"),
        ((X, Y.long()), None, TypeError, r"x\[1\]: expected a floating point"),
        ((X, Y), (4, 3), ValueError, r"size: expected \(4, 2\), .* got \(4, 3\)"),
        (X, (4, 2), ValueError, r"size: expected \(4, 4\), .* got \(4, 2\)"),
        ((X, Y), 4, TypeError, "size: expected a pair, .* got 4"),
        ((X, Y), (4, 2.0), TypeError, "size: expected an integer, got 2.0"),
    ],
)
def test_bad_nodes_and_sizes_are_named(x, size, error, message):
    with pytest.raises(error, match=message):
        read_node_pair(x, EDGES, size)


def test_reversed_edges():
    assert torch.equal(reversed_edges(EDGES), EDGES.flip(0))
    assert torch.equal(reversed_edges(EdgeIndex(EDGES)), EDGES.flip(0))
    adjacency = prepare_adjacency(EDGES, num_nodes=4)
    assert torch.equal(reversed_edges(adjacency).target, adjacency.transpose().target)
    with pytest.raises(ValueError, match=r"edge_index: expected edges .* got a sparse matrix"):
        reversed_edges(MATRIX.to_sparse_csr())
