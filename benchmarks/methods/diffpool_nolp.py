"""DiffPool without the link-prediction objective (DiffPool-NoLP in the paper's Table 1)."""

from typing import Any

from torch import nn

from benchmarks.methods import diffpool
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings

DEFAULTS: dict[str, Any] = {"link_weight": 0.0}


def build(settings: Settings, problem: Problem) -> nn.Module:
    """Return DiffPool with a link weight of 0; the entropy objective stays."""
    weight = settings.objective_weight("link")
    if weight != 0:
        name = "link_weight" if settings.objectives is None else "objectives"
        raise UsageError(
            f"setting {name}: diffpool-nolp expects 0, got {weight}; use --method diffpool"
        )
    return diffpool.build(settings, problem)
