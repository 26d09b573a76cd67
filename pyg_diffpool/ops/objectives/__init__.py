"""The side objectives by name. To add one, add a module here and an entry in the table."""

from __future__ import annotations

from pyg_diffpool.ops.objectives.entropy import ENTROPY
from pyg_diffpool.ops.objectives.link import LINK
from pyg_diffpool.ops.objectives.objective import Objective, Pooling

__all__ = ["OBJECTIVES", "Objective", "Pooling"]

OBJECTIVES: dict[str, Objective] = {"link": LINK, "entropy": ENTROPY}
