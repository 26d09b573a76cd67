"""GraphSAGE read out by Set2Set: the second of the paper's flat baselines.

Sources of the defaults:

- node network and classifier: those of ``graphsage``, that is, of DiffPoolNet without a pooling
  (Ying et al., NeurIPS 2018, Section 4: Set2Set replaces the mean over a GraphSAGE's nodes);
- three processing steps: PyG's own example of Set2Set (``examples/qm9_nn_conv.py``). The authors'
  code makes as many as the largest graph has nodes (``set2set.py`` of RexYing/diffpool), which its
  running times suffer from: ``--set processing_steps=...``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.nn.aggr import Set2Set

from benchmarks.methods.diffpool import diff_pool_net
from benchmarks.methods.parts.head import POOLING, refuse_unused
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings
from pyg_diffpool import DiffPoolNet
from pyg_diffpool.nn import BatchNorm, readout
from pyg_diffpool.ops import Adjacency

DEFAULTS: dict[str, Any] = {"num_pools": 0, "processing_steps": 3}


class Set2SetNet(nn.Module):
    """The node network and the classifier of a flat DiffPoolNet with a Set2Set between them.

    Args:
        flat: The flat network; its block and the classifier's last layer are taken over.
        processing_steps: Steps of the recurrent network that attends to the nodes.
        in_channels: Size of each node's features.
    """

    def __init__(self, flat: DiffPoolNet, processing_steps: int, in_channels: int) -> None:
        super().__init__()
        self.block = flat.last
        self.readout = Set2Set(self.block.out_channels, processing_steps)
        self.classifier = flat.classifier
        self.skip_input, self.sum_scale = flat.skip_input, flat.sum_scale
        # Set2Set returns its query beside what it read: twice the width.
        width = self.readout.out_channels
        if self.skip_input:
            width += in_channels
        narrow: Any = self.classifier.get_submodule("0")
        setattr(self.classifier, "0", nn.Linear(width, narrow.out_features))
        if hasattr(self.classifier, "norm"):
            self.classifier.norm = BatchNorm(width)

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        batch: Tensor,
        batch_size: int,
        adjacency: Adjacency | None = None,
    ) -> Tensor:
        """Return the logits ``[B, C]`` of the graphs of a batch."""
        level: dict[str, Any] = {"batch": batch, "batch_size": batch_size}
        rows = self.block(x, edge_index if adjacency is None else adjacency, **level)
        read = self.readout(rows, batch, dim_size=batch_size)
        if self.skip_input:
            sums = readout(x, "sum", sum_scale=self.sum_scale, **level)
            read = torch.cat([read, sums], -1)
        out: Tensor = self.classifier(read)
        return out


def build(settings: Settings, problem: Problem) -> nn.Module:
    """Return ``graphsage``'s network with another readout."""
    if problem.clusters:
        raise UsageError(
            f"setting num_pools: set2set is flat and expects 0, got {settings.num_pools}"
        )
    scaled = () if settings.skip_input else ("sum_scale",)
    unused = ("edge_features", "readout", *POOLING, *scaled)
    refuse_unused("set2set", settings, unused, own=("processing_steps",))
    flat = diff_pool_net(settings, problem)
    return Set2SetNet(flat, settings.processing_steps, problem.num_features)
