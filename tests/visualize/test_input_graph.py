import torch
from torch_geometric.data import Data
from torch_geometric.transforms import ToSparseTensor

from pyg_diffpool.visualize.input_graph import read_graph
from pyg_diffpool.visualize.poolings import read_poolings


def test_weights_of_one_graph_of_a_batch():
    data = Data(
        edge_index=torch.tensor([[0, 2, 3], [1, 3, 2]]),
        edge_weight=torch.tensor([1.0, 2.0, 3.0]),
        batch=torch.tensor([0, 0, 1, 1]),
    )
    graph = read_graph(data, 1, read_poolings(torch.eye(4)))
    assert graph.node.tolist() == [2, 3]
    assert graph.edge_index.tolist() == [[0, 1], [1, 0]]
    assert graph.edge_weight.tolist() == [2.0, 3.0]


def test_a_sparse_adjacency_is_the_transpose():
    data = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1], [1, 2]]))
    sparse = ToSparseTensor(layout=torch.sparse_csr)(data.clone())
    poolings = read_poolings(torch.eye(3))
    assert torch.equal(
        read_graph(sparse, 0, poolings).edge_index, read_graph(data, 0, poolings).edge_index
    )
