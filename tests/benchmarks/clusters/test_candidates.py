import pytest
import torch
from torch_geometric.data import Batch, Data

from benchmarks.clusters.candidates import (
    LISTING,
    Candidate,
    candidates,
    clusters_in_use,
    rows,
    typical,
)
from benchmarks.clusters.checkpoints import Trained
from benchmarks.spec.errors import UsageError
from pyg_diffpool import DiffPoolNet
from tests.benchmarks.clusters.clique_pairs import Flat, Pools, clique_pair
from tests.benchmarks.layouts import filled


def trained(network, *numbers):
    """A network that has not seen the graphs of some numbers, two a batch; odd ones are class 1."""
    graphs = [clique_pair(number % 2) for number in numbers]
    # A loop is no edge, and comes once.
    graphs[0].edge_index = torch.cat([graphs[0].edge_index, torch.tensor([[2], [2]])], dim=1)
    batches = []
    for start in range(0, len(graphs), 2):
        batch = Batch.from_data_list(graphs[start : start + 2])
        batch.graph_index = torch.tensor(numbers[start : start + 2])
        batches.append(batch)
    return Trained({}, network, batches, torch.tensor(numbers))


def test_graphs_come_in_the_order_of_the_data_set_with_what_the_network_makes_of_them():
    found = candidates(trained(Pools(), 7, 2, 5))
    assert found == [
        Candidate(2, 6, 7, [2, 1], 0, 0),
        Candidate(5, 6, 7, [2, 1], 1, 0),
        Candidate(7, 6, 7, [2, 1], 1, 0),
    ]
    assert [row["right"] for row in rows(found)] == [True, False, False]
    assert list(filled(LISTING, rows(found)[0]).values())[-3:] == ["0", "0", "yes"]
    assert filled(LISTING, rows(found)[1]) == {
        "graph": "5", "nodes": "6", "edges": "7", "clusters in use": "2 → 1",
        "class": "1", "predicted": "0", "right": "no",
    }  # fmt: skip


def test_a_network_without_levels_is_refused():
    with pytest.raises(UsageError, match="expected a network that returns its levels, got Flat"):
        candidates(trained(Flat(), 1))


def test_the_typical_graph_is_right_not_too_large_and_the_middle_one():
    def one(graph, clusters, nodes=9, predicted=0):
        return Candidate(graph, nodes, 8, clusters, 0, predicted)

    found = [one(0, [5]), one(1, [2]), one(9, [3], 30), one(3, [3], 20), one(4, [9], predicted=1)]
    assert typical(found).graph == 9
    assert typical(found[::-1]).graph == 9
    assert typical([one(0, [7], 9000), one(1, [1])]).graph == 1
    assert typical([one(0, [7], 9000)]).graph == 0
    assert typical([one(4, [9], predicted=1)]).graph == 4


def test_graphs_without_nodes_or_edges_are_counted():
    torch.manual_seed(0)
    lonely = Data(x=torch.ones(1, 3), edge_index=torch.empty(2, 0, dtype=torch.long))
    empty = Data(x=torch.ones(0, 3), edge_index=torch.empty(2, 0, dtype=torch.long))
    batch = Batch.from_data_list([lonely, empty, lonely])
    net = DiffPoolNet(3, 8, 2, max_clusters=[4, 2], num_layers=1, num_layers_after=1).eval()
    levels = net(batch.x, batch.edge_index, batch=batch.batch, batch_size=3).levels
    assert clusters_in_use(levels, batch).tolist() == [[1, 0, 1], [1, 0, 1]]
