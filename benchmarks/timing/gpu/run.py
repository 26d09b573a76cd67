"""Runs the parts of ``python -m benchmarks gpu`` in turn, each with its share of the time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console

from benchmarks.records.provenance import machine
from benchmarks.records.rows import ResultLines
from benchmarks.spec.errors import unknown_name
from benchmarks.timing.gpu.part import FAILED, Setting
from benchmarks.timing.gpu.process import latest, run_part, run_part_alone, unfinished
from benchmarks.timing.works import Row

# Parts and the processes that they start take part of nine minutes; this is the end of all.
QUICK_TOTAL_SECONDS = 510.0
# A work that has begun may go on for so long after its part's time.
QUICK_GRACE_SECONDS, GRACE_SECONDS = 20.0, 120.0


class PartEntry(NamedTuple):
    """Where a part is, and the seconds in which it begins new works."""

    address: str
    quick_seconds: float
    seconds: float


# In the order of what is most worth knowing, should the time not be enough for all.
PARTS = {
    "correctness": PartEntry("benchmarks.timing.gpu.correctness:correctness", 120, 600),
    "coarsen": PartEntry("benchmarks.timing.gpu.coarsen:coarsen", 100, 900),
    "ceilings": PartEntry("benchmarks.timing.gpu.ceilings:ceilings", 65, 600),
    "epoch": PartEntry("benchmarks.timing.gpu.epoch:epoch", 90, 1800),
    "training": PartEntry("benchmarks.timing.gpu.training:training", 40, 3600),
}


def chosen_parts(names: Sequence[str] | None) -> list[str]:
    """Return the parts asked for, in the order of the table.

    Raises:
        UsageError: If there is no such part.
    """
    for name in names or ():
        if name not in PARTS:
            raise unknown_name("part", name, PARTS)
    return [name for name in PARTS if not names or name in names]


class Plan(NamedTuple):
    """How much is measured.

    Attributes:
        device: Where the parts work; on a CPU, which only tests ask for, in this process.
        quick: Whether less is measured.
        seconds: Time of each part, or 0 for the table's.
        seed: Seed of everything drawn.
    """

    device: str
    quick: bool = True
    seconds: float = 0.0
    seed: int = 0


def failures(rows: Sequence[Row]) -> list[str]:
    """Return the works that failed, of those that the exit code is about."""
    return sorted({row["part"] for row in latest(rows) if row.get("verdict") == FAILED})


def run_parts(names: Sequence[str], lines: ResultLines, plan: Plan, console: Console) -> None:
    """Run parts, one after the other; none can keep the next from its turn.

    Rows are in the file, those of a process that is not this one too.
    """
    finished = {row["part"] for row in lines.rows if not unfinished([row])}
    if not lines.rows:
        # The file is there before the first process opens it.
        lines.add("machine", [{"kind": "machine", "found": machine()}])
    end = time.time() + QUICK_TOTAL_SECONDS if plan.quick else float("inf")
    grace = QUICK_GRACE_SECONDS if plan.quick else GRACE_SECONDS
    spare = 0.0
    for name in names:
        entry = PARTS[name]
        budget = plan.seconds or (entry.quick_seconds if plan.quick else entry.seconds)
        began = time.time()
        # What one part leaves over is the next one's, unless the user has set the time.
        deadline = min(began + budget + (0.0 if plan.seconds else spare), end)
        runs = lines.path.with_name(f"{lines.path.stem}-runs")
        setting = Setting(plan.device, plan.seed, plan.quick, deadline, runs)
        console.print(f"{name}: {deadline - began:.0f} s", highlight=False)
        given = (name, entry.address, setting, lines, finished)
        if plan.device == "cpu":
            run_part(*given)
        else:
            run_part_alone(*given, deadline + grace)
        spare = max(0.0, deadline - time.time())
