"""The entropy objective: how far the rows of an assignment are from one-hot."""

from __future__ import annotations

from torch import Tensor

from pyg_diffpool.ops.objectives.objective import AnyPooling, Objective


def _values(pooling: AnyPooling) -> Tensor:
    rows = pooling.row_entropy
    if rows is None:
        rows = pooling.convention.row_entropy(pooling.s)
    return pooling.convention.entropy(rows, pooling.level.graphs)


ENTROPY = Objective(_values, by_convention=True)
