"""What the parts of ``python -m benchmarks gpu`` have in common: each is a list of works."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks.timing.works import Work

OK, FAILED = "ok", "FAILED"
# Calls of a step before it is timed: programs are compiled, workspaces allocated.
WARM_UP = 2


class Setting(NamedTuple):
    """What a part is given.

    Attributes:
        device: Where it works: ``"cuda"``, or in tests ``"cpu"``.
        seed: Seed of everything drawn.
        quick: Whether less is measured.
        deadline: Time (:func:`time.time`) from which no further work begins.
        folder: Where a part may keep files of its own.
    """

    device: str
    seed: int
    quick: bool
    deadline: float
    folder: Path

    def left(self, most: float) -> float:
        """Return the seconds that are left, at most so many."""
        return max(0.0, min(most, self.deadline - time.time()))


Part = Callable[[Setting], Iterable[Work]]
