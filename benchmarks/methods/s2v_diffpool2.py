"""Structure2Vec with a DiffPool after each of its first two rounds (paper, Table 2)."""

from typing import Any

from torch import nn

from benchmarks.methods import s2v
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings

DEFAULTS: dict[str, Any] = {**s2v.DEFAULTS, "num_pools": 2, "cluster_ratio": 0.25}


def build(settings: Settings, problem: Problem) -> nn.Module:
    """Return Structure2Vec with poolings after its first and its second round."""
    if len(problem.clusters) != 2:
        raise UsageError(f"setting num_pools: s2v-diffpool2 expects 2, got {settings.num_pools}")
    return s2v.structure2vec(settings, problem)
