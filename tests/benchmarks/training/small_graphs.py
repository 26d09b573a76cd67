"""Graphs of two classes that a network of a few numbers tells apart, and such networks."""

import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.nn import global_mean_pool

from pyg_diffpool import DiffPoolNet


class MeanNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))

    def forward(self, x, edge_index, batch):
        return self.out(global_mean_pool(x, batch))


def graphs(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [
        Data(
            x=torch.randn(5, 3, generator=generator) + 2 * (index % 2),
            edge_index=torch.tensor([[0, 1], [1, 0]]),
            y=torch.tensor([index % 2]),
        )
        for index in range(count)
    ]


def pooling(seed=0, **keywords):
    """A network of two poolings, of at most four and two clusters."""
    torch.manual_seed(seed)
    return DiffPoolNet(
        3, 8, 2, max_clusters=[4, 2], num_layers=1, num_layers_after=1, dropout=0.2, **keywords
    )
