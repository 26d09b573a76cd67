r"""Constants of the rule that chooses between backends, fitted to measured times.

The rule takes slices where :math:`(B - p) \cdot c` is less than the multiply-adds wasted on padding
(``choose_backend``), for the cost :math:`c` of a call and the number :math:`p` of calls that
padding is worth. What counts is regret: the chosen backend's time over the faster one's.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from pyg_diffpool.ops.backends import choice

Row = dict[str, Any]

CALL_COSTS = tuple(round(10_000 * 2 ** (step / 4)) for step in range(29))  # to 1,280,000
PADDED_CALLS = tuple(range(65))


class Constants(NamedTuple):
    """The two constants of ``choose_backend``."""

    call_cost: int
    padded_calls: int

    @classmethod
    def of_library(cls) -> Constants:
        """Return those that the library has."""
        return cls(choice.CALL_COST, choice.PADDED_CALLS)

    def choose(self, row: Row) -> str:
        """Return what the rule chooses for a row of the sweep."""
        calls = (row["graphs"] - self.padded_calls) * self.call_cost
        return "ragged" if calls < wasted(row) else "padded"


class Fit(NamedTuple):
    """Constants, and the regret that they leave.

    Attributes:
        constants: The constants.
        mean: Geometric mean of the regrets of all rows; 1 is perfect.
        worst: The largest of them.
    """

    constants: Constants
    mean: float
    worst: float


def wasted(row: Row) -> int:
    """Return the multiply-adds that one product wastes on padding."""
    padded_rows = row["graphs"] * row["largest"]
    columns = row["features"] + 2 * row["clusters"]
    return int((padded_rows - row["nodes"]) * row["clusters"] * columns)


def judge(rows: Sequence[Row], constants: Constants) -> Fit:
    """Return the regret of constants."""
    regrets = [
        row["median_ms"][constants.choose(row)] / min(row["median_ms"].values()) for row in rows
    ]
    return Fit(constants, statistics.geometric_mean(regrets), max(regrets))


def fit(rows: Sequence[Row]) -> Fit:
    """Search a grid, the library's constants included, for the least mean regret.

    Of equals, the one amid them is taken: few rows lie near the border between the backends, so
    that many constants choose alike.
    """
    grid = [Constants(*pair) for pair in itertools.product(CALL_COSTS, PADDED_CALLS)]
    fits = [judge(rows, constants) for constants in (*grid, Constants.of_library())]
    least = min(found.mean for found in fits) * (1 + 1e-9)
    best = [found for found in fits if found.mean <= least]
    cost = statistics.fmean(math.log(found.constants.call_cost) for found in best)
    calls = statistics.fmean(found.constants.padded_calls for found in best)

    def off_centre(found: Fit) -> float:
        costs_off = (math.log(found.constants.call_cost) - cost) / math.log(2)
        return costs_off**2 + ((found.constants.padded_calls - calls) / 8) ** 2

    return min(best, key=off_centre)
