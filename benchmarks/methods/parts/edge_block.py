"""Convolutions that see the features of the edges, in place of GraphSAGE in a DiffPoolNet."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch_geometric.nn import GINEConv

from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings
from pyg_diffpool.nn import BatchNorm


class EdgeBlock(nn.Module):
    r"""A stack of GINE convolutions, whose outputs are concatenated.

    .. math::
        \mathbf{x}'_v = \mathrm{MLP} \Big( (1 + \epsilon) \mathbf{x}_v + \sum_{u \to v}
        \mathrm{ReLU}(\mathbf{x}_u + \mathbf{W} [\mathbf{e}_{uv} | \mathbf{A}_{uv}]) \Big)

    with batch normalisation and ReLU after each (`"Strategies for Pre-training Graph Neural
    Networks" <https://arxiv.org/abs/1905.12265>`_). The weight of an edge, which tells clusters
    that hardly touch from those that do, is the last of its features.

    Args:
        in_channels: Width of the features.
        channels: Width of each convolution's output.
        num_layers: Number of convolutions.
        edge_channels: Width of the edges' features, without the weight.
        dropout: Dropout probability between convolutions.
    """

    def __init__(
        self, in_channels: int, channels: int, num_layers: int, edge_channels: int, dropout: float
    ) -> None:
        super().__init__()
        widths = [in_channels] + [channels] * num_layers
        self.convs = nn.ModuleList(
            GINEConv(_mlp(before, after), train_eps=True, edge_dim=edge_channels + 1)
            for before, after in pairwise(widths)
        )
        self.norms = nn.ModuleList(BatchNorm(channels) for _ in range(num_layers))
        self.dropout = nn.Dropout(dropout)
        self.out_channels = num_layers * channels

    def reset_parameters(self) -> None:
        """Reset all parameters and running statistics."""
        for layer in (*self.convs, *self.norms):
            layer.reset_parameters()  # type: ignore[operator]

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Tensor:
        """Return the outputs of all convolutions side by side."""
        outputs = []
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = norm(conv(x, edge_index, edge_attr)).relu()
            outputs.append(x)
            x = self.dropout(x)
        return torch.cat(outputs, -1)


def edge_blocks(settings: Settings, problem: Problem) -> partial[EdgeBlock]:
    """Return the factory of a DiffPoolNet's embedding networks, called with a width and a level.

    Raises:
        UsageError: If the data have no edge features.
    """
    if problem.num_edge_features == 0:
        raise UsageError("setting edge_features: expected data whose edges have features")
    return partial(_block, settings, problem.num_edge_features)


def _block(settings: Settings, edge_channels: int, width: int, level: int) -> EdgeBlock:
    layers = settings.num_layers if level == 0 else settings.num_layers_after
    return EdgeBlock(width, settings.hidden_channels, layers, edge_channels, settings.dropout)


def _mlp(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(before, after), nn.ReLU(), nn.Linear(after, after))
