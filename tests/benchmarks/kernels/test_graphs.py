import numpy as np
import torch
from torch_geometric.data import Data

from benchmarks.data.registry import find_source
from benchmarks.kernels.graphs import labelled_graphs


class OneTable:
    """What is read of a data set, made of given graphs without node features."""

    num_node_labels = 0
    num_node_attributes = 0

    def __init__(self, sizes, edges):
        self._data = Data(edge_index=torch.cat(edges, dim=1))
        self._data._num_nodes = sizes
        ends = [0, *np.cumsum([edge_index.size(1) for edge_index in edges]).tolist()]
        self.slices = {"edge_index": torch.tensor(ends)}


def test_labels_and_edges_of_a_tu_data_set(tiny_data):
    dataset = find_source("TINY").graphs
    graphs = labelled_graphs(dataset)
    assert graphs.num_graphs == len(dataset) == 40
    assert graphs.num_labels == 2
    for number in (0, 1, 39):
        labels, adjacency = graphs.graph(number)
        data = dataset[number]
        edges = np.stack(adjacency.toarray().nonzero())
        np.testing.assert_array_equal(edges, data.edge_index.numpy())
        # The same classes of nodes, whatever their numbers.
        theirs = data.x.argmax(dim=1).numpy()
        assert len(set(zip(labels.tolist(), theirs.tolist(), strict=True))) == len(set(labels))


def test_degrees_stand_for_missing_labels_and_edges_go_both_ways():
    one_way = torch.tensor([[0, 1, 2, 2], [1, 0, 1, 2]])  # 2 → 1 one way, a loop at 2
    graphs = labelled_graphs(OneTable([4, 2], [one_way, torch.tensor([[0], [1]])]))
    labels, adjacency = graphs.graph(0)
    assert adjacency.toarray().tolist() == [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0], [0] * 4]
    assert labels.tolist() == [1, 2, 1, 0]
    assert graphs.graph(1)[0].tolist() == [1, 1]


def test_a_part_is_those_graphs_and_the_digest_is_of_the_content():
    edges = [torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])]
    graphs = labelled_graphs(OneTable([2, 3], edges))
    second = graphs.part(1, 2)
    assert second.num_graphs == 1
    assert second.graph(0)[1].toarray().tolist() == graphs.graph(1)[1].toarray().tolist()
    assert second.digest() != graphs.digest()
    assert graphs.digest() == labelled_graphs(OneTable([2, 3], edges)).digest()
    assert graphs.digest() != labelled_graphs(OneTable([3, 3], edges)).digest()
