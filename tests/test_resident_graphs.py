"""Concatenated graphs: from a list and from a stored data set, checked, with sorted edges."""

import pytest
import torch
from torch.testing import assert_close
from torch_geometric import EdgeIndex
from torch_geometric.data import Data, InMemoryDataset

from pyg_diffpool.resident_graphs import concatenate, sort_edges, starts


class Stored(InMemoryDataset):
    def __init__(self, graphs, transform=None):
        super().__init__(None, transform)
        self.data, self.slices = self.collate(graphs)


def graph(edges, nodes, **stores):
    edge_index = torch.tensor(edges).t() if edges else torch.empty(2, 0).long()
    return Data(edge_index=edge_index.contiguous(), num_nodes=nodes, **stores)


def graphs():
    return [
        graph([(0, 1), (1, 0), (1, 1)], 2, x=torch.ones(2, 1), edge_weight=torch.arange(3.0), y=1),
        graph([], 1, x=2 * torch.ones(1, 1), edge_weight=torch.empty(0), y=0),
        graph([(2, 0)], 3, x=3 * torch.ones(3, 1), edge_weight=torch.tensor([5.0]), y=1),
    ]


@pytest.mark.parametrize("make", [list, tuple, Stored])
def test_graphs_one_after_another(make):
    found = concatenate(make(graphs()))
    assert found.num_nodes.tolist() == [2, 1, 3]
    assert found.num_edges.tolist() == [3, 0, 1]
    assert found.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 1, 0]]
    assert found.x.flatten().tolist() == [1.0, 1.0, 2.0, 3.0, 3.0, 3.0]
    assert found.edge_weight.tolist() == [0.0, 1.0, 2.0, 5.0]
    assert found.edge_attr is None
    assert found.y.tolist() == [1, 0, 1]
    assert not found.y_of_nodes


def test_nothing_is_copied_of_a_stored_data_set():
    dataset = Stored(graphs())
    found = concatenate(dataset)
    assert found.x.data_ptr() == dataset._data.x.data_ptr()
    assert found.edge_index.data_ptr() == dataset._data.edge_index.data_ptr()


@pytest.mark.parametrize("without_x", [False, True])
def test_what_a_stored_data_set_makes_of_its_graphs_is_what_counts(without_x):
    def doubled(data):
        data.edge_weight = 2 * data.edge_weight
        return data

    listed = graphs()
    if without_x:
        for data in listed:
            del data.x
    assert concatenate(Stored(listed, doubled)).edge_weight.tolist() == [0.0, 2.0, 4.0, 10.0]
    selected = concatenate(Stored(listed)[[2, 0]])
    assert selected.num_nodes.tolist() == [3, 2]
    assert selected.edge_weight.tolist() == [5.0, 0.0, 1.0, 2.0]
    assert concatenate(Stored(listed)).num_nodes.tolist() == [2, 1, 3]


@pytest.mark.parametrize("make", [list, Stored])
def test_targets_may_belong_to_nodes(make):
    listed = [graph([], n, x=torch.ones(n, 1), y=torch.full((n,), n)) for n in (2, 1, 3)]
    found = concatenate(make(listed))
    assert found.y_of_nodes
    assert found.y.tolist() == [2, 2, 1, 3, 3, 3]
    ones = [graph([], 1, x=torch.ones(1, 1), y=torch.tensor([n])) for n in range(3)]
    assert not concatenate(make(ones)).y_of_nodes


def test_edge_indices_of_other_kinds_become_plain_long_ones():
    data = graph([(0, 1)], 2)
    data.edge_index = EdgeIndex([[0], [1]], sparse_size=(2, 2))
    narrow = graph([(1, 0)], 2)
    narrow.edge_index = narrow.edge_index.int()
    found = concatenate([data, narrow]).edge_index
    assert type(found) is torch.Tensor
    assert found.dtype == torch.long
    assert found.tolist() == [[0, 1], [1, 0]]


def test_graphs_move_as_a_whole():
    found = concatenate(graphs()).to("meta")
    assert all(part.is_meta for part in found if isinstance(part, torch.Tensor))
    assert found.edge_attr is None
    assert found.y_of_nodes is False


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ([], "dataset: expected at least one graph, got none"),
        ([Data(x=torch.ones(2, 1))], "dataset: expected graphs with edge_index, got none"),
        ([graph([(0, 1)], 2), Data(num_nodes=1)], "expected edge_index in all .* graph 1 has none"),
        ([graph([(0, 2)], 2)], r"edges between nodes 0 to 1 of their graph, got \[0, 2\]"),
        ([graph([(0, 0)], 1), graph([(-1, 0)], 2)], r"nodes 0 to 1 of their graph, got \[-1, 0\]"),
        ([graph([(0, 1)], 2, edge_attr=torch.ones(3, 1))], "expected 1 rows of edge_attr, got 3"),
        (
            [graph([], 2, y=torch.ones(2)), graph([], 4, y=torch.ones(3))],
            "one row per graph or one row per node, graph 1 of 4 nodes has 3 rows",
        ),
        (
            [Data(edge_index=torch.ones(2, 1), num_nodes=2)],
            r"integers and shape \[2, E\], got torch.float32 and \[2, 1\]",
        ),
        (
            [Data(edge_index=torch.ones(3, 1).long(), num_nodes=2)],
            r"integers and shape \[2, E\], got torch.int64 and \[3, 1\]",
        ),
    ],
)
def test_what_does_not_fit_together_is_named(listed, message):
    with pytest.raises(ValueError, match=message):
        concatenate(listed)


def test_edges_are_sorted_within_each_graph_with_all_they_carry():
    listed = [
        graph([(1, 0), (0, 1), (0, 0)], 2, edge_weight=torch.tensor([1.0, 2.0, 3.0])),
        graph([(2, 1), (0, 2)], 3, edge_weight=torch.tensor([4.0, 5.0])),
    ]
    for data in listed:
        data.edge_attr = data.edge_weight.unsqueeze(1)
    found, undirected = sort_edges(concatenate(listed))
    assert found.edge_index.t().tolist() == [[0, 0], [0, 1], [1, 0], [0, 2], [2, 1]]
    assert found.edge_weight.tolist() == [3.0, 2.0, 1.0, 5.0, 4.0]
    assert_close(found.edge_attr.flatten(), found.edge_weight)
    assert not undirected
    again, _ = sort_edges(found)
    assert again.edge_index is found.edge_index


BOTH = [(0, 1), (1, 0), (1, 2), (2, 1)]


@pytest.mark.parametrize(
    ("edges", "stores", "undirected"),
    [
        (BOTH, {}, True),
        (BOTH[:3], {}, False),
        ([*BOTH, (0, 1)], {}, False),
        (BOTH, {"edge_weight": torch.tensor([1.0, 1.0, 2.0, 2.0])}, True),
        (BOTH, {"edge_weight": torch.tensor([1.0, 2.0, 2.0, 1.0])}, False),
        (BOTH, {"edge_attr": torch.tensor([[1, 2], [1, 2], [3, 4], [3, 5]])}, False),
        (BOTH * 2, {"edge_weight": torch.tensor([1.0, 3, 0, 0, 4, 2, 0, 0])}, True),
        ([], {}, True),
    ],
)
def test_whether_all_edges_go_both_ways(edges, stores, undirected):
    assert sort_edges(concatenate([graph(edges, 3, **stores)]))[1] is undirected


def test_parts_start_where_those_before_them_end():
    assert starts(torch.tensor([3, 0, 2])).tolist() == [0, 3, 3]
