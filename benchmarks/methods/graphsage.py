"""Flat GraphSAGE with one readout over all nodes: the paper's baseline (mean readout)."""

from typing import Any

from torch import nn

from benchmarks.methods.diffpool import diff_pool_net
from benchmarks.methods.parts.head import POOLING, refuse_unused
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings

DEFAULTS: dict[str, Any] = {"num_pools": 0, "readout": "mean"}


def build(settings: Settings, problem: Problem) -> nn.Module:
    """Return the network that DiffPoolNet is without a pooling."""
    if problem.clusters:
        raise UsageError(
            f"setting num_pools: graphsage is flat and expects 0, got {settings.num_pools}"
        )
    refuse_unused("graphsage", settings, ("edge_features", *POOLING))
    return diff_pool_net(settings, problem)
