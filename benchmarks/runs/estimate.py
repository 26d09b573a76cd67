"""How long cells will take, from the times of those that are stored."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from statistics import fmean, median
from typing import Any, NamedTuple

from benchmarks.data.registry import find_source
from benchmarks.records.store import RunStore, stored_runs
from benchmarks.runs.plan import Plan
from benchmarks.spec.cell import Cell
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import from_record

UNKNOWN = "unknown"
SAME_RUN = "same run"
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


class Estimate(NamedTuple):
    """The expected seconds of one cell, none where nothing is known, and from what they follow."""

    seconds: float | None
    basis: str


class Timed(NamedTuple):
    """The mean time of a stored run's cells of one configuration, and what it depends on."""

    dataset: str
    method: str
    epochs: int
    accelerator: str
    seconds: float


@cache
def dataset_size(name: str) -> int | None:
    """Return the number of nodes and edges of a data set, or None where its data cannot be had."""
    try:
        source = find_source(name)
        return int(source.sizes.sum()) + int(source.graphs._data.edge_index.size(1))
    except (OSError, ValueError):
        return None


class Timings:
    """Expected times by what is stored.

    The mean time of the same run's cells counts, if possible of the same configuration; else that
    of the same method, on the data set nearest in size, scaled by size and epochs. The size of a
    data set is its number of nodes and edges, with which the cost of message passing grows.

    Args:
        results: Folder of results.
        size: From a data set's name to its size, or None if it cannot be had.
    """

    def __init__(self, results: Path, size: Callable[[str], int | None] = dataset_size) -> None:
        self.results = results
        self.size = size
        self._timed = [timed for stored in stored_runs(results) for timed in _timed(*stored)]

    def of(self, plan: Plan, cell: Cell) -> Estimate:
        """Return what is expected of a cell of a plan."""
        own = [
            record
            for record in RunStore(self.results, plan.run_id).cells()
            if record.get("seconds") is not None
        ]
        alike = [record for record in own if record["configuration"] == cell.configuration]
        if alike:
            return Estimate(fmean(record["seconds"] for record in alike), SAME_RUN)
        if own:
            pace = fmean(
                record["seconds"] / plan.configurations[record["configuration"]].epochs
                for record in own
            )
            return Estimate(pace * cell.settings.epochs, SAME_RUN)
        return self._from_other_data(cell)

    def guess(self, cell: Cell) -> float:
        """Return a number to order cells of unknown time by: any method's pace, on this size."""
        work = (self.size(cell.dataset) or 1) * cell.settings.epochs
        paces = [
            timed.seconds / (size * timed.epochs)
            for timed in self._timed
            if (size := self.size(timed.dataset))
        ]
        return work * (median(paces) if paces else 1.0)

    def _from_other_data(self, cell: Cell) -> Estimate:
        size = self.size(cell.dataset)
        known = [
            (abs(math.log(other / size)), timed, other)
            for timed in self._timed
            if (timed.method, timed.accelerator) == (cell.method, cell.settings.accelerator)
            and size
            and (other := self.size(timed.dataset))
        ]
        if not known or not size:
            return Estimate(None, UNKNOWN)
        nearest = min(distance for distance, _, _ in known)
        chosen = [(timed, other) for distance, timed, other in known if distance == nearest]
        pace = fmean(timed.seconds / (other * timed.epochs) for timed, other in chosen)
        basis = f"{chosen[0][0].dataset}, by size and epochs"
        return Estimate(pace * size * cell.settings.epochs, basis)


def _timed(store: RunStore, run: dict[str, Any]) -> list[Timed]:
    """Return one mean time for each configuration of a stored run."""
    times: dict[int, list[float]] = {}
    for record in store.cells():
        if record.get("seconds") is not None:
            times.setdefault(record["configuration"], []).append(record["seconds"])
    timed = []
    for number, seconds in times.items():
        settings = from_record(run["configurations"][number])
        timed.append(
            Timed(
                run["dataset"],
                run["method"],
                settings.epochs,
                settings.accelerator,
                fmean(seconds),
            )
        )
    return timed


class Expected(NamedTuple):
    """The expected time of many cells.

    Attributes:
        seconds: Sum over the cells whose time is known.
        unknown: Number of cells whose time is not.
        basis: From what the known times follow.
    """

    seconds: float
    unknown: int
    basis: str


def expected(timings: Timings, plan: Plan, cells: Sequence[Cell]) -> Expected:
    """Return the time that cells of a plan will take, one after another."""
    by_configuration = {cell.configuration: timings.of(plan, cell) for cell in reversed(cells)}
    estimates = [by_configuration[cell.configuration] for cell in cells]
    known = [estimate.seconds for estimate in estimates if estimate.seconds is not None]
    bases = sorted({estimate.basis for estimate in estimates})
    return Expected(sum(known), len(estimates) - len(known), "; ".join(bases))


def parse_duration(option: str, text: str) -> float:
    """Return the seconds of a text such as ``90m``, ``2h``, ``30s`` or ``1h30m``.

    Raises:
        UsageError: If the text is none of these, or no time at all.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", text.strip().lower())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip().lower():
        raise UsageError(f"{option}: expected a time such as 90m, 2h, 30s or 1h30m, got {text!r}")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds <= 0:
        raise UsageError(f"{option}: expected more than 0 seconds, got {text!r}")
    return seconds


def duration_text(seconds: float) -> str:
    """Return a time as people say it: ``45 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
