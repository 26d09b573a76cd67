"""Small graphs for the tests of timings: rings of two classes."""

import torch
from torch_geometric.data import Data

from benchmarks.timing.epoch_data import EpochData


def ring(size, target):
    node = torch.arange(size)
    one_way = torch.stack([node, node.roll(1)])
    edge_index = torch.cat([one_way, one_way.flip(0)], 1)
    return Data(x=torch.randn(size, 3), edge_index=edge_index, y=torch.tensor([target]))


def rings(count):
    """Return rings of four to six nodes, with four and two clusters."""
    graphs = [ring(4 + number % 3, number % 2) for number in range(count)]
    return EpochData(graphs, 6, 2, [4, 2])
