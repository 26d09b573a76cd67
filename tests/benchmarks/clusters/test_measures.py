"""Every measure against its definition, spelled out graph by graph."""

import itertools
import math
from collections import Counter

import networkx
import numpy as np
import pytest
import torch

from benchmarks.clusters.measures import (
    cluster_structure,
    cluster_use,
    composed,
    shuffled_labels,
    undirected_edges,
)

SIZES = (5, 1, 4, 0, 6, 2)


def batch(seed, num_clusters=4, density=0.5):
    """Random graphs of a few nodes: graph of each node, edges, an assignment."""
    generator = np.random.default_rng(seed)
    graph = np.repeat(np.arange(len(SIZES)), SIZES)
    ends = [
        (one, other)
        for one, other in itertools.combinations(range(len(graph)), 2)
        if graph[one] == graph[other] and generator.random() < density
    ]
    edges = np.array(ends, dtype=int).reshape(-1, 2).T
    s = generator.dirichlet(np.full(num_clusters, 0.3), len(graph))
    return graph, edges, s


def nodes_of(graph, number):
    return [node for node in range(len(graph)) if graph[node] == number]


def entropy(p):
    return -sum(value * math.log(value) for value in p if value > 0)


def close(found, expected):
    if expected is None or math.isnan(expected):
        return math.isnan(found)
    return found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_use_is_what_is_counted_graph_by_graph(seed):
    graph, _, s = batch(seed)
    available = torch.tensor([4, 1, 3, 4, 4, 2])
    use = cluster_use(torch.tensor(s), torch.tensor(graph), available)
    for number, size in enumerate(SIZES):
        rows = s[nodes_of(graph, number)]
        assert use.nodes[number] == size
        assert use.available[number] == available[number]
        if size == 0:
            assert all(math.isnan(values[number]) for values in use[2:])
            continue
        assert use.used[number] == len({int(np.argmax(row)) for row in rows})
        assert close(use.effective[number], math.exp(entropy(rows.mean(axis=0))))
        mean = sum(entropy(row) for row in rows) / size
        assert close(use.entropy[number], mean)
        largest = math.log(int(available[number]))
        assert close(use.relative_entropy[number], mean / largest if largest else None)


def test_use_of_hard_and_of_even_assignments():
    graph = torch.tensor([0, 0, 0, 0, 1, 1])
    s = torch.cat([torch.eye(4)[[0, 0, 1, 2]], torch.full((2, 4), 0.25)])
    use = cluster_use(s, graph, torch.tensor([4, 4]))
    assert use.used.tolist() == [3, 1]
    assert use.entropy.tolist() == pytest.approx([0.0, math.log(4)])
    assert use.relative_entropy.tolist() == pytest.approx([0.0, 1.0])
    assert use.effective.tolist() == pytest.approx([math.exp(1.5 * math.log(2)), 4.0])


@pytest.mark.parametrize("seed", range(4))
def test_structure_is_what_is_counted_pair_by_pair(seed):
    graph, edges, s = batch(seed, num_clusters=3, density=0.2 + 0.2 * seed)
    label = s.argmax(axis=1)
    found = cluster_structure(label, graph, edges, len(SIZES))
    joined = set(map(tuple, edges.T))
    for number in range(len(SIZES)):
        nodes = nodes_of(graph, number)
        pairs = list(itertools.combinations(nodes, 2))
        within = [(one, other) for one, other in pairs if label[one] == label[other]]
        density = sum(pair in joined for pair in pairs) / len(pairs) if pairs else math.nan
        share = sum(pair in joined for pair in within) / len(within) if within else math.nan
        assert close(found.density[number], density)
        assert close(found.within_density[number], share)
        assert close(found.ratio[number], share / density if density > 0 else math.nan)
        clusters = [[node for node in nodes if label[node] == k] for k in range(3)]
        large = [members for members in clusters if len(members) > 1]
        network = networkx.Graph(sorted(joined))
        network.add_nodes_from(nodes)
        apart = [not networkx.is_connected(network.subgraph(members)) for members in large]
        assert found.clusters[number] == len(large)
        assert found.disconnected[number] == sum(apart)


def test_the_expected_share_within_clusters_is_the_density():
    graph, edges, s = batch(7, num_clusters=2)
    label = s.argmax(axis=1)
    nodes = nodes_of(graph, 0)
    inside = edges[:, np.isin(edges[0], nodes)]
    shares = [
        cluster_structure(label[list(order)], graph[nodes], inside, 1).within_density[0]
        for order in itertools.permutations(nodes)
    ]
    density = cluster_structure(label, graph, edges, len(SIZES)).density[0]
    assert 0 < density < 1
    assert np.mean(shares) == pytest.approx(density)


def test_two_cliques_joined_by_an_edge():
    # Nodes 0 to 2 and 3 to 5 are cliques; clusters are the cliques, then one node of each swapped.
    edges = np.array([[0, 0, 1, 3, 3, 4, 2], [1, 2, 2, 4, 5, 5, 3]])
    graph = np.zeros(6, dtype=int)
    cliques = cluster_structure(np.array([0, 0, 0, 1, 1, 1]), graph, edges, 1)
    assert cliques.within_density[0] == 1.0
    assert cliques.ratio[0] == pytest.approx(15 / 7)
    assert (cliques.clusters[0], cliques.disconnected[0]) == (2, 0)
    swapped = cluster_structure(np.array([1, 0, 0, 0, 1, 1]), graph, edges, 1)
    assert swapped.within_density[0] == pytest.approx(3 / 6)
    assert (swapped.clusters[0], swapped.disconnected[0]) == (2, 1)


def test_graphs_without_edges_or_nodes():
    none = np.empty((2, 0), dtype=int)
    found = cluster_structure(np.array([0, 0, 1]), np.array([0, 0, 0]), none, 2)
    assert (found.density[0], found.within_density[0], found.clusters[0]) == (0, 0, 1)
    assert found.disconnected[0] == 1
    assert math.isnan(found.ratio[0])
    assert math.isnan(found.density[1])
    empty = cluster_structure(np.empty(0, dtype=int), np.empty(0, dtype=int), none, 1)
    assert empty.clusters.tolist() == [0]


def test_labels_are_dealt_within_their_graphs():
    graph = np.repeat([0, 1, 2], [6, 1, 8])
    label = np.arange(15)
    dealt = shuffled_labels(label, graph, seed=0)
    assert (dealt == shuffled_labels(label, graph, seed=0)).all()
    assert (dealt != label).any()
    for number in range(3):
        assert Counter(dealt[graph == number]) == Counter(label[graph == number])


def test_edges_count_once_and_self_loops_not():
    edge_index = torch.tensor([[0, 1, 2, 2, 1, 3], [1, 0, 2, 1, 0, 1]])
    assert undirected_edges(edge_index).T.tolist() == [[0, 1], [1, 2], [1, 3]]


def test_composed_assignments_are_products_graph_by_graph():
    torch.manual_seed(0)
    graph = torch.tensor([0, 0, 0, 1, 3, 3])
    first = torch.rand(6, 3).softmax(1)
    second, third = torch.rand(4, 3, 2).softmax(2), torch.rand(4, 2, 2).softmax(2)
    expected = torch.stack(
        [first[node] @ second[graph[node]] @ third[graph[node]] for node in range(6)]
    )
    torch.testing.assert_close(composed([first, second, third], graph), expected)
    assert composed([first], graph) is first
