"""A network that kills its own process, once, where a file says so."""

import os
import signal
from pathlib import Path

from torch import nn
from torch_geometric.nn import global_add_pool

ARMED = "lose-a-worker"
METHOD = f"{__name__}:LosingNet"


class LosingNet(nn.Module):
    """Sums the features. Where the cache has the file ``ARMED``, training removes it and dies."""

    def __init__(self, in_channels, hidden_channels, out_channels):
        super().__init__()
        self.linear = nn.Linear(in_channels, out_channels)

    def forward(self, x, edge_index, batch, batch_size):
        if self.training:
            try:
                Path(os.environ["PYG_DIFFPOOL_CACHE"], ARMED).unlink()
            except FileNotFoundError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.linear(global_add_pool(x, batch, batch_size))
