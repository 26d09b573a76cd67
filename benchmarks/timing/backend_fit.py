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

import torch

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
    grid.append(Constants.of_library())
    losses = _mean_log_regrets(rows, grid)
    least = min(losses) + 1e-9
    best = [found for found, loss in zip(grid, losses, strict=True) if loss <= least]
    logs = [math.log(constants.call_cost) for constants in best]
    calls = [constants.padded_calls for constants in best]
    centre = statistics.fmean(logs), statistics.fmean(calls)

    def off_centre(constants: Constants) -> float:
        cost = math.log(constants.call_cost) - centre[0]
        return (cost / math.log(2)) ** 2 + ((constants.padded_calls - centre[1]) / 8) ** 2

    return judge(rows, min(best, key=off_centre))


def _mean_log_regrets(rows: Sequence[Row], grid: Sequence[Constants]) -> list[float]:
    """Judge all constants at once: one row of a matrix for each."""
    graphs = torch.tensor([row["graphs"] for row in rows])
    waste = torch.tensor([wasted(row) for row in rows])
    times = {
        name: torch.tensor([row["median_ms"][name] for row in rows], dtype=torch.float64)
        for name in ("padded", "ragged")
    }
    best = torch.minimum(times["padded"], times["ragged"])
    costs, calls = torch.tensor(grid).t().unsqueeze(-1)
    ragged = (graphs - calls) * costs < waste
    regrets = torch.where(ragged, times["ragged"], times["padded"]) / best
    found: list[float] = regrets.log().mean(1).tolist()
    return found
