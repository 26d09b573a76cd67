"""Pairs of triangles, and a network that pools each triangle into a cluster of its own."""

from types import SimpleNamespace

import torch
from torch import nn
from torch_geometric.data import Data


def clique_pair(target):
    """Two triangles joined by an edge."""
    edges = torch.tensor([[0, 0, 1, 3, 3, 4, 2], [1, 2, 2, 4, 5, 5, 3]])
    edge_index = torch.cat([edges, edges.flip(0)], dim=1)
    return Data(x=torch.ones(6, 1), edge_index=edge_index, y=target)


class Pools(nn.Module):
    """Puts each triangle into a cluster of its own, then both into the second of two."""

    def forward(self, x, edge_index, batch):
        size = int(batch.max()) + 1
        cluster = (torch.arange(x.size(0)) % 6 >= 3).long()
        first = torch.eye(4)[cluster]
        mask = torch.tensor([[True, True, False, False]]).expand(size, -1)
        second = torch.tensor([0.25, 0.75]).expand(size, 4, 2)
        return SimpleNamespace(
            logits=torch.tensor([[1.0, 0.0]]).expand(size, -1),
            levels=[
                SimpleNamespace(assignment=first, mask=mask, losses={}),
                SimpleNamespace(assignment=second, mask=torch.ones(size, 2) > 0, losses={}),
            ],
        )


class Flat(nn.Module):
    """Pools nothing."""

    def forward(self, x, edge_index, batch):
        return torch.zeros(int(batch.max()) + 1, 2)
