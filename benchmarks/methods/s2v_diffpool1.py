"""Structure2Vec with one DiffPool, after the first of its three rounds (paper, Table 2)."""

from typing import Any

from torch import nn

from benchmarks.methods import s2v
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings

DEFAULTS: dict[str, Any] = {**s2v.DEFAULTS, "num_pools": 1, "cluster_ratio": 0.1}


def build(settings: Settings, problem: Problem) -> nn.Module:
    """Return Structure2Vec with a pooling after its first round."""
    if len(problem.clusters) != 1:
        raise UsageError(f"setting num_pools: s2v-diffpool1 expects 1, got {settings.num_pools}")
    return s2v.structure2vec(settings, problem)
