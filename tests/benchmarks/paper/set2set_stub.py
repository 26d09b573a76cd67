"""A network that reads out with Set2Set, where the method itself is not the matter of a test."""

from torch import nn
from torch_geometric.nn import Set2Set

DEFAULTS = {"num_pools": 0}


class Net(nn.Module):
    def __init__(self, num_features, hidden_channels, num_classes, processing_steps):
        super().__init__()
        self.embed = nn.Linear(num_features, hidden_channels)
        self.readout = Set2Set(hidden_channels, processing_steps)
        self.out = nn.Linear(2 * hidden_channels, num_classes)

    def forward(self, x, edge_index, batch):
        return self.out(self.readout(self.embed(x).relu(), batch))


def build(settings, problem):
    return Net(
        problem.num_features,
        settings.hidden_channels,
        problem.num_classes,
        settings.processing_steps,
    )
