"""The tables that ``python -m benchmarks scaling`` prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.coarsen.contenders import OURS
from benchmarks.scaling.fit import ABOVE_OVERHEAD, FEWEST_POINTS, SMALLEST_MIB, Fit, fit_curve
from benchmarks.scaling.points import FIXED, RIVALS
from benchmarks.table_format import Layout, show

Row = dict[str, Any]

LINEAR = 1.1
LARGEST_NODES, LARGEST_GIB = 1_000_000, 24.0


def _column(name: str) -> Any:
    return lambda row: row[name]


CURVES = Layout(
    {
        name: _column(name)
        for name in (
            "varied", "contender", "slope of time", "slope of memory", "largest", "its ms",
            "its peak MiB", "ended by",
        )
    },
    (
        "slope: of log over log, least squares over the points (their number in brackets) whose "
        f"time is at least {ABOVE_OVERHEAD:g} times that of the fastest point, and whose peak "
        f"memory is at least {ABOVE_OVERHEAD:g} times the smallest and {SMALLEST_MIB:g} MiB; "
        f"– where those are fewer than {FEWEST_POINTS}",
        *(f"{axis}: {fixed}" for axis, fixed in FIXED.items()),
        "each point in a process of its own; memory above what is there before the run",
    ),
)  # fmt: skip
REQUIREMENTS = Layout(
    {name: _column(name) for name in ("ours", "required", "measured", "verdict")},
    (f"linear: both slopes at most {LINEAR}",),
)


def show_rows(rows: Sequence[Row], style: str) -> None:
    """Print rows as JSON, Markdown or for a terminal."""
    if style == "json":
        sys.stdout.write(json.dumps(list(rows), indent=1) + "\n")
        return
    for title, lines, layout in (
        ("Coarsening with both losses, forward + backward, by size", curve_lines(rows), CURVES),
        ("Against what is required", requirements(rows), REQUIREMENTS),
    ):
        if lines:
            sys.stdout.write(f"\n{title}\n\n")
            sys.stdout.flush()
            show(lines, layout, style)


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
                    "largest": f"{last['size']:,}" if last else "–",
                    "its ms": f"{last['median_ms']:.3g}" if last else "–",
                    "its peak MiB": f"{last['peak_mib']:.0f}" if last else "–",
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
                "verdict": _verdict(max(known) <= LINEAR) if len(known) == len(fits) else "–",
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
                    "verdict": _verdict(done and row["peak_mib"] <= LARGEST_GIB * 2**10),
                }
            )
    return lines


def _curve(rows: Sequence[Row], axis: str, contender: str) -> list[Row]:
    return sorted(
        (row for row in rows if (row["axis"], row["contender"]) == (axis, contender)),
        key=lambda row: row["size"],
    )


def _fit(fit: Fit | None) -> str:
    return "–" if fit is None else f"{fit.exponent:.2f} ({fit.points})"


def _verdict(met: bool) -> str:
    return "met" if met else "NOT MET"
