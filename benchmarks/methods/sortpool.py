r"""SortPool: the deep graph convolutional network (DGCNN) with SortPooling.

From "An End-to-End Deep Learning Architecture for Graph Classification" (Zhang et al., AAAI 2018).
Sources of the defaults: the paper (Section 4) and the authors' code (muhanzhang/pytorch_DGCNN,
``DGCNN_embedding.py``, ``run_DGCNN.sh``, ``main.py``).

- convolutions of 32, 32, 32 and 1 channels with tanh, all concatenated, nodes sorted by the last;
- 1-D convolutions of 16 channels (one node a step) and 32 channels (kernel 5), between them a
  maximum over pairs; a dense layer of 128 units with dropout 0.5; batches of 50;
- k such that 60 % of the graphs have at least k nodes (the paper; the code takes the 60 % quantile
  from below, so that 40 % are larger), never less than 10 (the code), so that the last convolution
  has five rows to meet. Here it is measured on training graphs alone.

The authors train for 100 to 500 epochs at 1e-5 to 1e-4; the recipes say what is done here.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn import Linear
from torch_geometric.nn.aggr import SortAggregation

from benchmarks.methods.parts.head import NETWORK, refuse_unused
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings
from pyg_diffpool.ops import Adjacency, prepare_adjacency, sparse_product

DEFAULTS: dict[str, Any] = {
    "num_pools": 0,
    "hidden_channels": 32,
    "num_layers": 3,
    "sort_quantile": 0.6,
    "mlp_channels": 128,
    "dropout": 0.5,
    "batch_size": 50,
}

ROW_CHANNELS, WINDOW_CHANNELS, WINDOW = 16, 32, 5
SMALLEST_K = 2 * WINDOW
"""So few sorted nodes leave, after the maximum over pairs, one window."""


class DGCNN(nn.Module):
    r"""Graph convolutions, SortPooling and 1-D convolutions over the sorted nodes.

    .. math::
        \mathbf{Z}^{(t + 1)} = \tanh \left( \tilde{\mathbf{D}}^{-1} \left( \tilde{\mathbf{A}}
        \mathbf{Z}^{(t)} \mathbf{W}^{(t)} + \mathbf{b}^{(t)} \right) \right), \qquad
        \tilde{\mathbf{A}} = \mathbf{A} + \mathbf{I}

    The bias, which the paper has not, is divided by the degree as in the authors' code: without
    labels a node's degree would not be seen otherwise.

    Args:
        in_channels: Width of the node features.
        hidden_channels: Width of all graph convolutions but the last, which has one channel.
        out_channels: Number of classes.
        num_layers: Number of graph convolutions before that last one.
        k: Nodes of a graph that are kept, in the order of the last channel, descending.
        mlp_channels: Width of the dense layer.
        dropout: Share of the dense layer's units set to zero.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        *,
        num_layers: int,
        k: int,
        mlp_channels: int,
        dropout: float,
    ) -> None:
        super().__init__()
        widths = [in_channels, *[hidden_channels] * num_layers, 1]
        # Glorot, as the authors draw them: tanh units of PyTorch's own initial size hardly differ.
        self.convs = nn.ModuleList(
            Linear(before, after, weight_initializer="glorot", bias_initializer="zeros")
            for before, after in pairwise(widths)
        )
        self.sort = SortAggregation(k)
        width = sum(widths[1:])
        self.rows = nn.Sequential(
            nn.Conv1d(1, ROW_CHANNELS, width, stride=width),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(ROW_CHANNELS, WINDOW_CHANNELS, WINDOW),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.classifier = nn.Sequential(
            nn.Linear(WINDOW_CHANNELS * (k // 2 - WINDOW + 1), mlp_channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(mlp_channels, out_channels),
        )

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        batch: Tensor,
        batch_size: int,
        adjacency: Adjacency | None = None,
    ) -> Tensor:
        """Return the logits ``[B, C]`` of the graphs of a batch."""
        if adjacency is None:
            adjacency = prepare_adjacency(edge_index, num_nodes=x.size(0))
        degree = 1 + sparse_product(adjacency, x.new_ones(x.size(0), 1))
        channels = []
        for lin in self.convs:
            x = torch.tanh(lin(sparse_product(adjacency, x) + x) / degree)
            channels.append(x)
        rows = self.sort(torch.cat(channels, dim=-1), batch, dim_size=batch_size)
        out: Tensor = self.classifier(self.rows(rows.unsqueeze(1)))
        return out


def kept_nodes(train_sizes: Tensor, quantile: float) -> int:
    """Return the largest k that a share ``quantile`` of the training graphs reach, at least 10."""
    if quantile > 1:
        raise UsageError(f"setting sort_quantile: expected at most 1, got {quantile}")
    if train_sizes.numel() == 0:
        raise UsageError("sortpool: expected the sizes of the training graphs, got none")
    # A hair above an integer is that integer: 0.6 · 5 is 3.0000000000000004 in binary.
    place = math.ceil(quantile * train_sizes.numel() - 1e-9) - 1
    size = int(train_sizes.sort(descending=True).values[place])
    return max(size, SMALLEST_K)


def build(settings: Settings, problem: Problem) -> nn.Module:
    """Return the network of the settings, with k from the training graphs' sizes."""
    refuse_unused("sortpool", settings, NETWORK, own=("sort_quantile",))
    return DGCNN(
        problem.num_features,
        settings.hidden_channels,
        problem.num_classes,
        num_layers=settings.num_layers,
        k=kept_nodes(problem.train_sizes, settings.sort_quantile),
        mlp_channels=settings.mlp_channels,
        dropout=settings.dropout,
    )
