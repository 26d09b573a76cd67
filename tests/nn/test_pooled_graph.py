"""From a dense level to the edges of a PyG batch, and back."""

import torch
from torch.testing import assert_close
from torch_geometric.utils import to_dense_adj, to_dense_batch

from pyg_diffpool.nn.pooled_graph import PooledGraph, to_edges
from pyg_diffpool.nn.watchers import is_pooled

X = torch.arange(12.0).view(2, 3, 2)
ADJ = torch.tensor(
    [
        [[1.0, 0.0, 2.0], [3.0, 0.0, 0.0], [0.0, 4.0, 0.0]],
        [[0.0, 5.0, 9.0], [6.0, 0.0, 9.0], [9.0, 9.0, 9.0]],
    ]
)
MASK = torch.tensor([[True, True, True], [True, True, False]])


def pooled() -> PooledGraph:
    x, adj = X.clone().requires_grad_(), ADJ.clone().requires_grad_()
    return PooledGraph(x, adj, MASK, torch.empty(0), {}, torch.zeros(()), torch.empty(0))


def test_every_weight_is_an_edge_and_masked_clusters_are_left_out():
    edges = to_edges(X, ADJ, MASK)
    assert edges.ptr.tolist() == [0, 3, 5]
    assert edges.batch.tolist() == [0, 0, 0, 1, 1]
    assert edges.edge_index.tolist() == [[0, 0, 1, 2, 3, 4], [0, 2, 0, 1, 4, 3]]
    assert edges.edge_weight.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert_close(edges.x, X[MASK])
    assert is_pooled(edges.edge_index)


def test_a_batch_goes_back_to_the_matrices():
    batch = pooled().to_batch()
    inside = MASK.unsqueeze(1) & MASK.unsqueeze(2)
    assert_close(to_dense_adj(batch.edge_index, batch.batch, batch.edge_weight), ADJ * inside)
    rows, mask = to_dense_batch(batch.x, batch.batch)
    assert torch.equal(mask, MASK)
    assert_close(rows, X * MASK.unsqueeze(-1))


def test_a_batch_is_taken_apart():
    first, second = pooled().to_batch().to_data_list()
    assert (first.num_nodes, first.num_edges) == (3, 4)
    assert second.edge_index.tolist() == [[0, 1], [1, 0]]
    assert second.edge_weight.tolist() == [5.0, 6.0]
    assert_close(second.x, X[1, :2])


def test_gradients_reach_rows_and_weights():
    graph = pooled()
    batch = graph.to_batch()
    (batch.x.sum() + batch.edge_weight.sum()).backward()
    inside = MASK.unsqueeze(1) & MASK.unsqueeze(2)
    assert_close(graph.x.grad, MASK.unsqueeze(-1).expand(2, 3, 2).float())
    assert_close(graph.adj.grad, ((ADJ != 0) & inside).float())
