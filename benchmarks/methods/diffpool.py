"""DiffPool with both side objectives (paper, Section 3).

With the setting ``edge_features``, embedding networks are GINE convolutions that see the features
of the edges, which are pooled with the graph (footnote 1 of the paper); assignments stay GraphSAGE.
"""

from typing import Any

from torch import nn

from benchmarks.methods.parts.edge_block import edge_blocks
from benchmarks.methods.parts.head import refuse_scale_without_sum, refuse_unused
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import NETWORK_KEYWORDS, Settings
from pyg_diffpool import AnnealedTemperature, DiffPoolNet

DEFAULTS: dict[str, Any] = {}


def build(settings: Settings, problem: Problem) -> nn.Module:
    """Return a DiffPoolNet, or one of its presets changed by the settings that were named."""
    if not problem.clusters:
        raise UsageError(f"setting num_pools: expected at least 1, got {settings.num_pools}")
    refuse_unused("diffpool", settings)
    if settings.edge_features:
        return diff_pool_net(settings, problem, embedding=edge_blocks(settings, problem))
    return diff_pool_net(settings, problem)


def diff_pool_net(settings: Settings, problem: Problem, **more: Any) -> DiffPoolNet:
    """Return the network of the settings; no clusters make it a flat GraphSAGE.

    Args:
        settings: Settings of the network.
        problem: What it is built for.
        more: Keywords of DiffPoolNet that are no settings.
    """
    preset = settings.preset != "none"
    names = settings.explicit if preset else NETWORK_KEYWORDS
    keywords: dict[str, Any] = {**more, **settings.network_keywords(names)}
    if settings.objectives is not None:
        for short in ("link_weight", "entropy_weight"):
            keywords.pop(short, None)
    if settings.convention != "paper" and not preset:
        # The default scale is that of the paper's losses; no other convention has one.
        keywords["scale"] = "auto"
    if problem.clusters:
        keywords["temperature"] = _temperature(settings)
    if settings.per_graph_clusters and problem.clusters:
        keywords["ratio"] = settings.cluster_ratio
    make = getattr(DiffPoolNet, settings.preset) if preset else DiffPoolNet
    net: DiffPoolNet = make(
        problem.num_features,
        settings.hidden_channels,
        problem.num_classes,
        max_clusters=problem.clusters,
        **keywords,
    )
    refuse_scale_without_sum(settings, net.readout)
    return net


def _temperature(settings: Settings) -> float | AnnealedTemperature:
    if settings.final_temperature is None:
        if settings.annealing_steps != Settings().annealing_steps:
            raise UsageError(
                "setting annealing_steps: expected with final_temperature, got "
                f"{settings.annealing_steps} alone"
            )
        return settings.temperature
    return AnnealedTemperature(
        settings.temperature, settings.final_temperature, settings.annealing_steps
    )
