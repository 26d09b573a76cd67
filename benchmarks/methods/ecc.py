r"""ECC: convolutions whose filters a network makes from each edge, on a pyramid of coarser graphs.

From "Dynamic Edge-Conditioned Filters in Convolutional Neural Networks on Graphs" (Simonovsky &
Komodakis, CVPR 2017; code for point clouds alone: mys007/ecc). Sources of the defaults:

- shape of the network: the paper's for ENZYMES has three convolutions on the input
  graph, two on the next level, and so on, each with batch normalisation and ReLU, a maximum over
  each coarse node between levels, the mean over the last level's nodes, a dense layer, dropout;
  mean over the neighbours and a filter of its own for the node itself;
- two coarser levels, filter networks with one hidden layer of 16 units, 32 channels: the fair
  comparison's (diningphil/gnn-comparison, ``config_ECC.yml``); the paper's network for ENZYMES has
  four levels and 64 to 160 channels, too much for the processors used here;
- rows of norm 1 after each convolution, as in DiffPool's own networks (``normalize``). The
  filters multiply features with features: without it one node of PROTEINS, whose attribute lies 58
  standard deviations out, makes a batch's variance a thousandfold, and with it the running
  statistics of evaluation;
- edges: their labels, where the data have any, and otherwise how the features of their two ends
  differ; and their weight, which is 1 on the input graph and comes from the Kron reduction on
  coarser levels (see :mod:`benchmarks.methods.parts.ecc_pyramid`).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric import EdgeIndex
from torch_geometric.nn import NNConv
from torch_geometric.utils import scatter

from benchmarks.methods.parts.ecc_pyramid import PREPARED_BY, prepare
from benchmarks.methods.parts.head import (
    BLOCK,
    CONVOLUTION,
    POOLING,
    refuse_scale_without_sum,
    refuse_unused,
)
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings
from pyg_diffpool.models import graph_head
from pyg_diffpool.nn import BatchNorm, readout

__all__ = ["DEFAULTS", "ECC", "PREPARED_BY", "EdgeConditionedConv", "build", "prepare"]

DEFAULTS: dict[str, Any] = {
    "num_pools": 0,
    "pyramid_levels": 2,
    "hidden_channels": 32,
    "num_layers": 3,
    "num_layers_after": 2,
    "edge_hidden": 16,
    "readout": "mean",
    "mlp_channels": 64,
}


class EdgeConditionedConv(NNConv):
    r"""PyG's :class:`NNConv` with a filter network of two layers, without a matrix an edge.

    The filter network's last layer is linear, :math:`\mathbf{W}_e = \sum_k h_{ek} \mathbf{V}_k`,
    so that the neighbours' mean may be taken before the product with the filters:

    .. math::
        \mathbf{x}^{\prime}_v = \mathbf{\Theta} \mathbf{x}_v + \mathbf{b} + \sum_k \mathbf{V}_k
        \Bigl( \mathrm{mean}_{e = (u, v)} \, h_{ek} \mathbf{x}_u \Bigr)

    Weights and results are those of :class:`NNConv`.

    Args:
        in_channels: Width of the input.
        out_channels: Width of the output.
        edge_channels: Width of the edges' features.
        edge_hidden: Number of hidden units of the filter network.
    """

    def __init__(
        self, in_channels: int, out_channels: int, edge_channels: int, edge_hidden: int
    ) -> None:
        filters = nn.Sequential(
            nn.Linear(edge_channels, edge_hidden),
            nn.ReLU(),
            nn.Linear(edge_hidden, in_channels * out_channels),
        )
        super().__init__(in_channels, out_channels, filters, aggr="mean")

    def message(self, x_j: Tensor, edge_attr: Tensor) -> Tensor:
        """Multiply each hidden unit, and 1 for the bias, with the source's features."""
        hidden = nn.functional.pad(self.nn[:-1](edge_attr), (0, 1), value=1.0)
        return (hidden.unsqueeze(2) * x_j.unsqueeze(1)).flatten(1)

    def update(self, aggregated: Tensor) -> Tensor:
        """Multiply the means with the filters, ``[(hidden + 1) · in, out]``."""
        last = self.nn[-1]
        filters = torch.cat([last.weight, last.bias.unsqueeze(1)], dim=1)
        filters = filters.t().reshape(-1, self.out_channels)
        return aggregated @ filters


class ECC(nn.Module):
    """Edge-conditioned convolutions on a graph and its coarser levels.

    Args:
        in_channels: Width of the node features.
        hidden_channels: Width of all convolutions.
        out_channels: Number of classes.
        edge_channels: Width of the data's edge features; 0 where there are none.
        num_layers: Convolutions of each level, first to last.
        edge_hidden: Number of hidden units of each filter network.
        normalize: Whether rows are divided by their norm after each convolution.
        reduce: How the last level's nodes become a graph's vector; several stand side by side.
        mlp_channels: Width of the classifier's hidden layer.
        dropout: Share of the classifier's hidden units set to zero. Between convolutions it would
            upset the next one's batch normalisation.
        readout_norm: See :class:`pyg_diffpool.DiffPoolNet`. (default: none)
        sum_scale: See :class:`pyg_diffpool.DiffPoolNet`. (default: sums as they are)
        head_dropout: See :class:`pyg_diffpool.DiffPoolNet`. (default: ``dropout`` on the hidden
            layer alone)
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        *,
        edge_channels: int,
        num_layers: list[int],
        edge_hidden: int,
        normalize: bool,
        reduce: str | tuple[str, ...],
        mlp_channels: int,
        dropout: float,
        readout_norm: str | None = None,
        sum_scale: float | str | None = None,
        head_dropout: float | None = None,
    ) -> None:
        super().__init__()
        self.edge_channels = edge_channels
        self.num_layers = num_layers
        self.reduce = reduce
        self.sum_scale = sum_scale
        self.normalize = normalize
        # Beside labels, or differences of features, an edge has its weight.
        conditions = (edge_channels or in_channels) + 1
        widths = [in_channels, *[hidden_channels] * sum(num_layers)]
        self.convs = nn.ModuleList(
            EdgeConditionedConv(before, after, conditions, edge_hidden)
            for before, after in pairwise(widths)
        )
        self.norms = nn.ModuleList(BatchNorm(width) for width in widths[1:])
        names = (reduce,) if isinstance(reduce, str) else reduce
        self.classifier = graph_head(
            len(names) * hidden_channels,
            mlp_channels,
            out_channels,
            norm=readout_norm,
            dropout=dropout if head_dropout is None else head_dropout,
            input_dropout=head_dropout or 0.0,
        )

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        batch: Tensor,
        batch_size: int,
        coarse_index: Tensor,
        coarse_weight: Tensor,
        coarse_level: Tensor,
        parent_index: Tensor,
        edge_attr: Tensor | None = None,
    ) -> Tensor:
        """Return the logits ``[B, C]`` of the graphs of a batch (tensors of ``prepare``)."""
        features = x
        edges = edge_index.as_tensor() if isinstance(edge_index, EdgeIndex) else edge_index
        conditions = self._conditions(x, edges, x.new_ones(edges.size(1)), edge_attr)
        nodes = torch.arange(x.size(0), device=x.device)
        layers = list(zip(self.convs, self.norms, strict=True))
        for level, count in enumerate(self.num_layers):
            if level > 0:
                stands_for = parent_index[level - 1]
                stays = stands_for == torch.arange(stands_for.numel(), device=x.device)
                place = stays.cumsum(0) - 1
                x = scatter(x, place[stands_for[nodes]], 0, int(stays.sum()), reduce="max")
                nodes = stays.nonzero().flatten()
                chosen = coarse_level == level
                given, edges = coarse_index[:, chosen], place[coarse_index[:, chosen]]
                conditions = self._conditions(features, given, coarse_weight[chosen], None)
            for _ in range(count):
                conv, norm = layers.pop(0)
                x = conv(x, edges, conditions)
                x = nn.functional.normalize(x, dim=-1) if self.normalize else x
                x = norm(x.relu())
        vectors = readout(
            x,
            self.reduce,
            batch=batch[nodes],
            batch_size=batch_size,
            sum_scale=self.sum_scale,
        )
        out: Tensor = self.classifier(vectors)
        return out

    def _conditions(
        self, x: Tensor, edges: Tensor, weight: Tensor, edge_attr: Tensor | None
    ) -> Tensor:
        """Return what the filters depend on: labels or differences, and weights."""
        if self.edge_channels == 0:
            edge_attr = (x[edges[0]] - x[edges[1]]).abs()
        elif edge_attr is None:
            edge_attr = x.new_zeros(weight.numel(), self.edge_channels)
        return torch.cat([edge_attr, weight.unsqueeze(1)], dim=1)


def build(settings: Settings, problem: Problem) -> nn.Module:
    """Return the network of the settings."""
    convolution = [name for name in CONVOLUTION if name != "normalize"]
    unused = ("batch_norm", "skip_input", *BLOCK, *convolution, *POOLING)
    refuse_unused("ecc", settings, unused, own=("pyramid_levels", "edge_hidden"))
    refuse_scale_without_sum(settings, settings.readout)
    return ECC(
        problem.num_features,
        settings.hidden_channels,
        problem.num_classes,
        edge_channels=problem.num_edge_features,
        num_layers=[settings.num_layers] + [settings.num_layers_after] * settings.pyramid_levels,
        edge_hidden=settings.edge_hidden,
        normalize=settings.normalize,
        reduce=settings.readout,
        mlp_channels=settings.mlp_channels,
        dropout=settings.dropout,
        readout_norm=settings.readout_norm,
        sum_scale=settings.sum_scale,
        head_dropout=settings.head_dropout,
    )
