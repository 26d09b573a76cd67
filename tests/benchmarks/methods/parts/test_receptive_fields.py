import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.utils import to_dense_adj, to_undirected

from benchmarks.methods.parts.receptive_fields import (
    canonical_order,
    prepare,
    receptive_fields,
    undirected_neighbours,
)
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import make_settings
from tests.benchmarks.methods.networks import permuted, random_graph

# Node 1 has the highest degree, then 3; of the leaves, 0 and 2 hang on node 1, and 4 on node 3.
TREE = [[1], [0, 2, 3], [1], [1, 4], [3]]


def graph_of(edges, num_nodes):
    return Data(edge_index=to_undirected(torch.tensor(edges).T), num_nodes=num_nodes)


def clique(nodes):
    return [(a, b) for a in nodes for b in nodes if b < a]


GRAPHS = {
    "random": graph_of(random_graph(20, 0, 0.12).edge_index.T.tolist(), 20),
    "star and path": graph_of([(0, leaf) for leaf in range(1, 6)] + [(5, 6), (6, 7)], 8),
    "cliques that share a node": graph_of(clique(range(5)) + clique([0, 5, 6, 7]), 8),
    "cycle": graph_of([(node, (node + 1) % 7) for node in range(7)], 7),
    "two triangles apart": graph_of(clique([0, 1, 2]) + clique([3, 4, 5]), 7),
    "bipartite": graph_of([(a, b) for a in range(3) for b in range(3, 7)], 7),
}


def test_the_order_of_a_tree_by_hand():
    assert canonical_order(TREE) in ([1, 3, 0, 2, 4], [1, 3, 2, 0, 4])


def test_features_break_ties_of_structure_and_nothing_else():
    x = torch.tensor([[5.0], [0.0], [1.0], [9.0], [-3.0]])
    assert canonical_order(TREE, x) == [1, 3, 2, 0, 4]
    assert canonical_order(TREE, -x) == [1, 3, 0, 2, 4]


def test_the_fields_of_a_tree_by_hand():
    index, mask = receptive_fields(TREE, [1, 3, 0, 2, 4], num_fields=6, field_size=3)
    expected = [[1, 3, 0], [3, 1, 4], [0, 1, 3], [2, 1, 3], [4, 3, 1], [0, 0, 0]]
    assert index.tolist() == expected
    assert mask.tolist() == [[True] * 3] * 5 + [[False] * 3]
    index, mask = receptive_fields(TREE, [1, 3, 0, 2, 4], num_fields=2, field_size=7)
    assert index.tolist() == [[1, 3, 0, 2, 4, 0, 0], [3, 1, 4, 0, 2, 0, 0]]
    assert mask.sum(1).tolist() == [5, 5]


@pytest.mark.parametrize("name", GRAPHS)
def test_the_graph_in_its_order_does_not_depend_on_node_numbers(name):
    graph = GRAPHS[name]
    graph.x = torch.zeros(graph.num_nodes, 0)

    def form(one):
        order = canonical_order(undirected_neighbours(one.edge_index, one.num_nodes))
        assert sorted(order) == list(range(one.num_nodes))
        adj = to_dense_adj(one.edge_index, max_num_nodes=one.num_nodes)[0]
        return adj[order][:, order]

    for _ in range(4):
        assert torch.equal(form(permuted(graph, torch.randperm(graph.num_nodes))), form(graph))


def test_directions_loops_and_copies_of_edges_do_not_count():
    edges = torch.tensor([[0, 0, 2, 1, 1], [1, 1, 1, 2, 1]])
    assert undirected_neighbours(edges, 4) == [[1], [0, 2], [1], []]


@pytest.mark.parametrize("num_nodes", [0, 1, 4])
def test_graphs_without_edges(num_nodes):
    data = Data(edge_index=torch.empty(2, 0, dtype=torch.long), num_nodes=num_nodes)
    fields = prepare(data, make_settings({"num_fields": 3, "field_size": 2}))
    assert fields["field_index"].shape == (6,)
    assert fields["field_mask"].shape == (1, 3, 2)
    assert fields["field_mask"][0].sum(0).tolist() == [min(3, num_nodes), 0]


def test_fields_need_a_number():
    with pytest.raises(UsageError, match="setting num_fields"):
        prepare(GRAPHS["cycle"], make_settings({"num_fields": None}))
