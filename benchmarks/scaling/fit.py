"""Exponents of measured curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

# Below so many times the smallest value of a curve, the fixed cost of a call hides the slope.
ABOVE_OVERHEAD = 3.0
SMALLEST_MIB = 8.0
FEWEST_POINTS = 3


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
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    over = sum((x - mean_x) * (y - mean_y) for x, y in logs)
    return Fit(over / sum((x - mean_x) ** 2 for x, _ in logs), len(logs))


def fit_curve(rows: Sequence[dict[str, Any]]) -> dict[str, Fit | None]:
    """Return the exponents of time and memory over the points of a curve that were measured."""
    done = [row for row in rows if "median_ms" in row]
    sizes = [row["size"] for row in done]
    return {
        "time": fit_exponent(sizes, [row["median_ms"] for row in done]),
        "memory": fit_exponent(sizes, [row["peak_mib"] for row in done], SMALLEST_MIB),
    }
