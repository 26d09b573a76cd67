"""The tables that ``python -m benchmarks scaling`` prints, and the exponents in them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.timing.rivals import OURS
from benchmarks.timing.scaling import FIXED, RIVALS
from benchmarks.timing.tables import Table, show_tables
from benchmarks.timing.targets import NONE, verdict

Row = dict[str, Any]

LINEAR = 1.1
LARGEST_NODES, LARGEST_GIB = 1_000_000, 24.0
# Below so many times the smallest value of a curve, the fixed cost of a call hides the slope.
ABOVE_OVERHEAD = 3.0
SMALLEST_MIB = 8.0
FEWEST_POINTS = 3

CURVE_NOTES = (
    "slope: of log over log, least squares over the points (their number in brackets) whose "
    f"time is at least {ABOVE_OVERHEAD:g} times that of the fastest point, and whose peak "
    f"memory is at least {ABOVE_OVERHEAD:g} times the smallest and {SMALLEST_MIB:g} MiB; "
    f"– where those are fewer than {FEWEST_POINTS}",
    *(f"{axis}: {fixed}" for axis, fixed in FIXED.items()),
    "each point in a process of its own; memory above what is there before the run",
)
REQUIRED_NOTES = (f"linear: both slopes at most {LINEAR}",)


class Fit(NamedTuple):
    """A power law: its exponent, and the number of points that it was fitted to."""

    exponent: float
    points: int


def fit_exponent(sizes: Sequence[float], values: Sequence[float], floor: float = 0.0) -> Fit | None:
    """Return the least-squares slope of log(value) over log(size), above the overhead.

    Args:
        sizes: What is varied.
        values: What was measured.
        floor: Values below are left out, as are those below three times the smallest one.

    Returns:
        None where fewer than three points are left.
    """
    if not values:
        return None
    least = max(floor, ABOVE_OVERHEAD * min(values))
    logs = [
        (math.log(size), math.log(value))
        for size, value in zip(sizes, values, strict=True)
        if value >= least
    ]
    if len(logs) < FEWEST_POINTS:
        return None
    slope, _ = statistics.linear_regression(*zip(*logs, strict=True))
    return Fit(slope, len(logs))


def fit_curve(rows: Sequence[dict[str, Any]]) -> dict[str, Fit | None]:
    """Return the exponents of time and memory over the points of a curve that were measured."""
    done = [row for row in rows if "median_ms" in row]
    sizes = [row["size"] for row in done]
    return {
        "time": fit_exponent(sizes, [row["median_ms"] for row in done]),
        "memory": fit_exponent(sizes, [row["peak_mib"] for row in done], SMALLEST_MIB),
    }


def show(rows: Sequence[Row], style: str) -> None:
    """Print rows as JSON, Markdown or for a terminal."""
    title = "Coarsening with both losses, forward + backward, by size"
    tables = [
        Table(title, curve_lines(rows), CURVE_NOTES),
        Table("Against what is required", requirements(rows), REQUIRED_NOTES),
    ]
    show_tables(rows, tables, style)


def curve_lines(rows: Sequence[Row]) -> list[Row]:
    """Return one line for each contender on each axis."""
    lines = []
    for axis in dict.fromkeys(row["axis"] for row in rows):
        for contender in RIVALS:
            curve = _curve(rows, axis, contender)
            if not curve:
                continue
            done = [row for row in curve if "median_ms" in row]
            fits = fit_curve(curve)
            last = done[-1] if done else None
            died = [f"{row['died']} at {row['size']:,}" for row in curve if "died" in row]
            lines.append(
                {
                    "varied": axis,
                    "contender": contender,
                    "slope of time": _fit(fits["time"]),
                    "slope of memory": _fit(fits["memory"]),
                    "largest": f"{last['size']:,}" if last else NONE,
                    "its ms": f"{last['median_ms']:.3g}" if last else NONE,
                    "its peak MiB": f"{last['peak_mib']:.0f}" if last else NONE,
                    "ended by": died[0] if died else "the last point",
                }
            )
    return lines


def requirements(rows: Sequence[Row]) -> list[Row]:
    """Return one line for each figure that is required of us."""
    lines = []
    for axis in ("nodes", "edges"):
        curve = _curve(rows, axis, OURS)
        if not curve:
            continue
        fits = fit_curve(curve)
        known = [fit.exponent for fit in fits.values() if fit is not None]
        lines.append(
            {
                "ours": f"linear in {axis}",
                "required": f"slopes <= {LINEAR}",
                "measured": f"time {_fit(fits['time'])}, memory {_fit(fits['memory'])}",
                "verdict": verdict(max(known) <= LINEAR) if len(known) == len(fits) else NONE,
            }
        )
    for row in _curve(rows, "nodes", OURS):
        if row["size"] == LARGEST_NODES:
            done = "median_ms" in row
            measured = (
                f"{row['median_ms'] / 1e3:.1f} s, {row['peak_mib'] / 2**10:.1f} GiB"
                if done
                else row["died"]
            )
            lines.append(
                {
                    "ours": f"{LARGEST_NODES:,} nodes, {5 * LARGEST_NODES:,} edges, K = 32",
                    "required": f"forward and backward within {LARGEST_GIB:g} GiB",
                    "measured": measured,
                    "verdict": verdict(done and row["peak_mib"] <= LARGEST_GIB * 2**10),
                }
            )
    return lines


def _curve(rows: Sequence[Row], axis: str, contender: str) -> list[Row]:
    return sorted(
        (row for row in rows if (row["axis"], row["contender"]) == (axis, contender)),
        key=lambda row: row["size"],
    )


def _fit(fit: Fit | None) -> str:
    return NONE if fit is None else f"{fit.exponent:.2f} ({fit.points})"
