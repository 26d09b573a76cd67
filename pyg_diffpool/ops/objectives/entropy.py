"""The entropy objective: how far the rows of an assignment are from one-hot."""

from __future__ import annotations

from torch import Tensor

from pyg_diffpool.ops.conventions import Convention
from pyg_diffpool.ops.objectives.objective import Objective, Pooling


def _values(pooling: Pooling, convention: Convention) -> Tensor:
    return convention.entropy(pooling.row_entropy, pooling.level.graphs)


ENTROPY = Objective(_values, pairs=False)
