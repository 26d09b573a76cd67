"""The link prediction objective: how well an assignment predicts the edges."""

from __future__ import annotations

from torch import Tensor

from pyg_diffpool.ops.objectives.objective import AnyPooling, Objective


def _values(pooling: AnyPooling) -> Tensor:
    return pooling.convention.link(pooling.compared, pooling.level, pooling.squared)


LINK = Objective(_values, by_convention=True, pairs=True)
