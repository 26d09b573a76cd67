"""A limit of wall-clock time, which stops a run as an interrupt from the keyboard does."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Budget:
    """Counts down from its making.

    Args:
        seconds: The limit, or None for no limit.
        now: The clock. (default: :func:`time.monotonic`)
    """

    def __init__(self, seconds: float | None, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._end = math.inf if seconds is None else now() + seconds

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self._end < math.inf

    @property
    def left(self) -> float:
        """Seconds left, 0 at least."""
        return max(self._end - self._now(), 0.0)

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.left <= 0

    def allows(self, seconds: float | None) -> bool:
        """Tell whether work of so many seconds, or of unknown length, may begin."""
        return not self.spent and (seconds is None or seconds <= self.left)

    @contextmanager
    def interrupts(self) -> Iterator[None]:
        """Raise KeyboardInterrupt in the main thread, within the block, when nothing is left.

        Work of unknown length may go on for hours. Where the system has no such timer, the work
        in progress is finished.
        """
        if not self.limited or not hasattr(signal, "setitimer"):
            yield
            return

        def interrupt(number: int, frame: FrameType | None) -> None:
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, interrupt)
        # A timer of 0 would never ring.
        signal.setitimer(signal.ITIMER_REAL, max(self.left, 1e-3))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
