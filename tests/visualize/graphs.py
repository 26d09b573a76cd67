"""Small graphs with hand-made assignments."""

import torch
from torch_geometric.data import Batch, Data

from pyg_diffpool import DiffPoolOutput, PooledGraph, coarsen


def two_triangles(**stores):
    """Two triangles joined by the edge 2 – 3, both directions of each edge."""
    pairs = torch.tensor([[0, 1, 0, 3, 4, 3, 2], [1, 2, 2, 4, 5, 5, 3]])
    return Data(
        x=torch.ones(6, 1), edge_index=torch.cat([pairs, pairs.flip(0)], 1), num_nodes=6, **stores
    )


def triangles_assignment(num_clusters=5, sure=0.9):
    """Triangle 0 to cluster 3, triangle 1 to cluster 1; the others get the rest evenly."""
    s = torch.full((6, num_clusters), (1 - sure) / (num_clusters - 1))
    s[:3, 3] = sure
    s[3:, 1] = sure
    return s


def ring(num_nodes):
    node = torch.arange(num_nodes)
    edge_index = torch.stack([node, (node + 1) % num_nodes])
    return Data(edge_index=torch.cat([edge_index, edge_index.flip(0)], 1), num_nodes=num_nodes)


def one_hot_assignment(cluster, num_clusters):
    return torch.nn.functional.one_hot(torch.as_tensor(cluster), num_clusters).float()


def pooled(s, data, mask=None):
    """What DiffPool returns for a batch (N, K) or a dense level (B, n, K)."""
    if s.dim() == 2:
        coarse = coarsen(torch.ones(s.size(0), 1), s, data.edge_index, batch=data.batch)
    else:
        coarse = coarsen(torch.ones(*s.shape[:2], 1), s, data)
    if mask is None:
        mask = torch.ones(coarse.x.shape[:2], dtype=torch.bool)
    return PooledGraph(coarse.x, coarse.adj, mask, s, {}, torch.zeros(()), s)


def three_levels():
    """A batch of a ring of 4 and one of 8, eight clusters, then two; two graphs, two poolings."""
    batch = Batch.from_data_list([ring(4), ring(8)])
    s0 = one_hot_assignment([0, 0, 5, 5, 0, 0, 1, 1, 2, 2, 2, 7], 8)
    s1 = one_hot_assignment([[0, 0, 0, 0, 0, 1, 0, 0], [0, 0, 1, 0, 0, 0, 0, 1]], 2)
    first = pooled(s0, batch)
    second = pooled(s1, first.adj)
    return batch, DiffPoolOutput(torch.zeros(2, 3), torch.zeros(()), [first, second])
