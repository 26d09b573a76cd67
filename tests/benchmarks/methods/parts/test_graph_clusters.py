import multiprocessing
import sys

import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.utils import to_undirected

from benchmarks.methods.parts.graph_clusters import hierarchical_clusters, prepare
from benchmarks.spec.settings import make_settings
from tests.benchmarks.methods.networks import random_graph


def cliques(count, size):
    """Cliques in a ring, each joined to the next by one edge."""
    edges = [
        (size * clique + a, size * clique + b)
        for clique in range(count)
        for a in range(size)
        for b in range(a)
    ]
    edges += [(size * clique, size * ((clique + 1) % count) + 1) for clique in range(count)]
    return to_undirected(torch.tensor(edges).T)


def test_cliques_are_clusters_and_neighbouring_cliques_their_clusters():
    first, second = hierarchical_clusters(cliques(8, 5), 40, 2, ratio=0.2, max_clusters=9).T
    assert first.max() == 7
    assert (first.view(8, 5) == first.view(8, 5)[:, :1]).all()
    # ⌈0.2 · 8⌉ = 2 halves of the ring: going round, the half changes twice.
    half = second.view(8, 5)[:, 0]
    assert (half != half.roll(1)).sum() == 2


def test_a_graph_of_clusters_is_cut_by_its_weights():
    # Pairs 01 and 23 of clusters are joined three times, 12 once.
    joined = [(0, 4), (1, 5), (2, 6), (8, 12), (9, 13), (10, 14), (7, 8)]
    clique = [(4 * c + a, 4 * c + b) for c in range(4) for a in range(4) for b in range(a)]
    edges = to_undirected(torch.tensor(clique + joined).T)
    first, second = hierarchical_clusters(edges, 16, 2, ratio=0.25, max_clusters=4).T
    assert first.unique().numel() == 4
    assert second.max() == 0
    first, second = hierarchical_clusters(edges, 16, 2, ratio=0.45, max_clusters=4).T
    assert (second.view(2, 8) == second.view(2, 8)[:, :1]).all()
    assert second[0] != second[8]


@pytest.mark.parametrize("seed", range(4))
def test_clusters_are_nested_consecutive_and_no_more_than_the_ratio(seed):
    graph = random_graph(37, seed, 0.09)
    for ratio, most in ((0.25, 150), (0.5, 7), (1.0, 150)):
        levels = hierarchical_clusters(graph.edge_index, 37, 3, ratio, most)
        size, below = 37, torch.arange(37)
        for column in levels.T:
            assert column.unique().tolist() == list(range(int(column.max()) + 1))
            expected = min(most, -int(-ratio * size // 1))
            assert 0.7 * expected <= column.max() + 1 <= expected
            pairs = torch.stack([below, column]).unique(dim=1)
            assert pairs[0].unique().numel() == pairs.size(1)
            size, below = int(column.max()) + 1, column


@pytest.mark.parametrize("num_nodes", [0, 1, 2, 5, 11])
def test_graphs_without_edges(num_nodes):
    levels = hierarchical_clusters(torch.empty(2, 0, dtype=torch.long), num_nodes, 2, 0.5, 150)
    assert levels.shape == (num_nodes, 2)
    if num_nodes > 0:
        assert 0 <= int(levels.min()) <= int(levels.max()) < max(1, (num_nodes + 1) // 2)


def test_directions_loops_and_copies_of_edges():
    edges = cliques(4, 4)
    one_way = edges[:, edges[0] < edges[1]]
    loops = torch.arange(16).repeat(2, 1)
    expected = hierarchical_clusters(edges, 16, 1, 0.25, 150)
    for other in (one_way, torch.cat([edges, edges], 1), torch.cat([edges, loops], 1)):
        found = hierarchical_clusters(other, 16, 1, 0.25, 150).view(4, 4)
        assert (found == found[:, :1]).all()
        assert found[:, 0].unique().numel() == expected.unique().numel() == 4


def clusters_of(seed):
    return hierarchical_clusters(random_graph(60, seed, 0.07).edge_index, 60, 2, 0.3, 150).tolist()


def test_equal_graphs_have_equal_clusters_after_any_others_and_in_another_process():
    ours = [clusters_of(seed) for seed in range(4)]
    with multiprocessing.get_context("spawn").Pool(1) as other:
        assert other.map(clusters_of, [3, 1, 2, 0]) == [ours[3], ours[1], ours[2], ours[0]]


def test_prepare_reads_the_settings():
    data = Data(edge_index=cliques(4, 4), num_nodes=16)
    settings = make_settings({"num_pools": 3, "cluster_ratio": 0.5, "max_clusters": 6})
    cluster = prepare(data, settings)["cluster"]
    assert cluster.shape == (16, 3)
    assert [int(column.max()) + 1 for column in cluster.T] == [6, 3, 2]


def test_without_the_partitioner_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymetis", None)
    with pytest.raises(ValueError, match=r"pip install .pyg-diffpool\[benchmark\]"):
        hierarchical_clusters(cliques(4, 4), 16, 1, 0.25, 150)
