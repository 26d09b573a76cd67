from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.utils import from_networkx

from benchmarks.methods.parts.ecc_pyramid import (
    DENSE_NODES,
    WEAK,
    coarsen,
    graph_laplacian,
    kron_reduction,
    polarity,
    prepare,
)
from tests.benchmarks.methods.networks import random_graph


def laplacian_of(graph):
    edge_index = torch.tensor(list(graph.edges), dtype=torch.long).t()
    return graph_laplacian(edge_index, graph.number_of_nodes())


def settings(levels):
    return SimpleNamespace(pyramid_levels=levels)


def test_the_laplacian_ignores_direction_duplicates_and_loops():
    edge_index = torch.tensor([[0, 0, 1, 2, 2], [1, 1, 0, 1, 2]])
    expected = [[1, -1, 0, 0], [-1, 2, -1, 0], [0, -1, 1, 0], [0, 0, 0, 0]]
    assert graph_laplacian(edge_index, 4).toarray().tolist() == expected


def test_reducing_a_path_to_its_ends_adds_resistances():
    # Five unit resistors in a row conduct like one of 1/5.
    reduced = kron_reduction(laplacian_of(nx.path_graph(6)), np.array([0, 5]))
    np.testing.assert_allclose(reduced, [[0.2, -0.2], [-0.2, 0.2]], atol=1e-12)


def test_reducing_a_star_to_its_leaves_joins_all_of_them():
    reduced = kron_reduction(laplacian_of(nx.star_graph(4)), np.arange(1, 5))
    np.testing.assert_allclose(reduced, np.eye(4) - 0.25, atol=1e-12)


def test_reduction_is_the_dense_schur_complement_and_keeps_resistances():
    laplacian = laplacian_of(nx.gnp_random_graph(20, 0.3, seed=1))
    kept = np.array([0, 3, 4, 7, 11, 12, 19])
    removed = np.setdiff1d(np.arange(20), kept)
    dense = laplacian.toarray()
    inner = np.linalg.inv(dense[np.ix_(removed, removed)])
    across = dense[np.ix_(kept, removed)]
    reduced = kron_reduction(laplacian, kept)
    np.testing.assert_allclose(
        reduced, dense[np.ix_(kept, kept)] - across @ inner @ across.T, atol=1e-10
    )
    np.testing.assert_allclose(reduced.sum(1), 0, atol=1e-10)

    def resistance(matrix, one, other):
        inverse = np.linalg.pinv(matrix)
        return inverse[one, one] + inverse[other, other] - 2 * inverse[one, other]

    assert resistance(reduced, 0, 3) == pytest.approx(resistance(dense, 0, 7))


def test_a_bipartite_graph_is_split_into_its_sides():
    values = polarity(laplacian_of(nx.path_graph(7)))
    assert np.sign(values).tolist() == [-1, 1, -1, 1, -1, 1, -1] or (
        np.sign(values).tolist() == [1, -1, 1, -1, 1, -1, 1]
    )
    level = coarsen(laplacian_of(nx.star_graph(5)))
    # The largest entry is the centre's: it stays, and takes all leaves.
    assert level.kept.tolist() == [0]
    assert level.parent.tolist() == [0] * 6
    assert level.laplacian.toarray().tolist() == [[0]]


@pytest.mark.parametrize("length", [200, 201, 202, 203])
def test_a_long_path_alternates_though_its_eigenvector_is_localised(length):
    # One heavy end: the eigenvector's entries fall below any float's accuracy along the path.
    graph = nx.path_graph(length)
    graph.add_edges_from((0, leaf) for leaf in range(length, length + 6))
    signs = np.sign(polarity(laplacian_of(graph)))[:length]
    assert signs.tolist() == [1.0 - 2 * (node % 2) for node in range(length)]


def test_of_equally_strong_neighbours_the_one_furthest_across_is_the_parent():
    level = coarsen(laplacian_of(nx.path_graph(5)))
    assert level.kept.tolist() == [0, 2, 4]
    assert level.parent.tolist() == [0, 2, 2, 2, 4]


def test_a_node_without_a_neighbour_that_stays_stays(monkeypatch):
    signs = np.array([1.0, -1.0, -1.0, -1.0])
    monkeypatch.setattr("benchmarks.methods.parts.ecc_pyramid.polarity", lambda laplacian: signs)
    level = coarsen(laplacian_of(nx.path_graph(4)))
    assert level.kept.tolist() == [0, 2, 3]
    assert level.parent.tolist() == [0, 0, 2, 3]


@pytest.mark.parametrize("size", [40, DENSE_NODES + 60])
def test_each_node_that_goes_has_its_strongest_neighbour_that_stays(size):
    laplacian = laplacian_of(nx.random_geometric_graph(size, 1.6 / size**0.5, seed=2))
    for _ in range(2):
        weights = -laplacian.toarray()
        np.fill_diagonal(weights, 0)
        level = coarsen(laplacian)
        assert 0.3 < level.kept.size / laplacian.shape[0] < 0.7
        assert np.array_equal(level.parent[level.kept], level.kept)
        stays = np.isin(np.arange(weights.shape[0]), level.kept)
        for node in np.flatnonzero(~stays):
            held = weights[node, level.parent[node]]
            assert stays[level.parent[node]]
            assert held > 0
            assert held == pytest.approx(weights[node, stays].max())
        laplacian = level.laplacian
        np.testing.assert_allclose(laplacian.sum(axis=1), 0, atol=1e-9)
        assert (-laplacian.toarray() - np.diag(-laplacian.diagonal()) >= 0).all()


def test_lanczos_finds_the_dense_solvers_eigenvector(monkeypatch):
    laplacian = laplacian_of(nx.random_regular_graph(3, 120, seed=4))
    dense = polarity(laplacian)
    monkeypatch.setattr("benchmarks.methods.parts.ecc_pyramid.DENSE_NODES", 90)
    np.testing.assert_allclose(polarity(laplacian), dense, atol=1e-5)


def test_components_and_lone_nodes_are_coarsened_by_themselves():
    graph = nx.disjoint_union(nx.path_graph(3), nx.complete_bipartite_graph(1, 3))
    graph.add_node(7)
    level = coarsen(laplacian_of(graph))
    # The middle of the path, the centre of the star, and the lone node.
    assert level.kept.tolist() == [1, 3, 7]
    assert level.parent.tolist() == [1, 1, 1, 3, 3, 3, 3, 7]


def test_what_is_prepared_counts_nodes_in_the_graph():
    # 0 - 1 - 2 - 3 - 4: the inner odd nodes lie across the even ones.
    data = from_networkx(nx.path_graph(5))
    first = coarsen(graph_laplacian(data.edge_index, 5))
    tensors = prepare(data, settings(1))
    assert tensors["parent_index"].tolist() == [first.parent.tolist()]
    kept = first.kept.tolist()
    row, col = tensors["coarse_index"]
    assert set(row.tolist()) <= set(kept)
    dense = torch.zeros(5, 5, dtype=torch.double)
    dense[row, col] = tensors["coarse_weight"].double()
    expected = -kron_reduction(graph_laplacian(data.edge_index, 5), first.kept)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(dense[kept][:, kept], expected, atol=1e-6)


def test_levels_follow_each_other_in_one_numbering():
    data = random_graph(40, 3, 0.1)
    tensors = prepare(data, settings(3))
    everyone = torch.arange(40)
    staying = torch.ones(40, dtype=torch.bool)
    for level, stands_for in enumerate(tensors["parent_index"], start=1):
        stays = stands_for == everyone
        assert not (stays & ~staying).any()
        assert stays[stands_for].all()
        edges = tensors["coarse_index"][:, tensors["coarse_level"] == level]
        assert stays[edges].all()
        staying = stays
    assert (tensors["coarse_weight"] >= WEAK * (1 - 1e-6)).all()
    again = prepare(data, settings(3))
    assert all(torch.equal(tensors[name], again[name]) for name in tensors)


def test_no_levels_no_edges_and_a_lone_node():
    nothing = prepare(random_graph(4, 0), settings(0))
    assert nothing["parent_index"].numel() == nothing["coarse_weight"].numel() == 0
    lone = Data(edge_index=torch.empty(2, 0, dtype=torch.long), num_nodes=1)
    tensors = prepare(lone, settings(2))
    assert tensors["parent_index"].tolist() == [[0], [0]]
    assert tensors["coarse_index"].shape == (2, 0)
