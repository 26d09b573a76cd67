"""What is required of our coarsening, and whether the measured rows meet it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.coarsen.contenders import OURS, PYG, SHUFFLED, TGP

LARGE = "100,000 nodes"
REQUIRED_OVER_PYG = {"ENZYMES": 3.5, "COLLAB": 4.5, "DD": 35.0, "REDDIT-like": 200.0}
REQUIRED_OVER_TGP = dict.fromkeys(REQUIRED_OVER_PYG, 4.0)
FASTER_TGP = "the faster tgp"
# Of each requirement, what must be left when edges come as a raw tensor in random order.
SHUFFLED_SHARE = 0.7
REQUIRED_PEAK_MIB = 500e6 / 2**20
# Batches of more nodes are to come this near to the machine's limit.
LIMITED_NODES, GOAL_OVER_LIMIT = 5000, 1.5

Row = dict[str, Any]
Lines = list[list[str]]


def requirements(rows: Sequence[Row]) -> Lines:
    """Return one line for each figure: batches, contender, against what, required, measured."""
    lines = []
    medians: dict[str, dict[str, float]] = {}
    for row in rows:
        if "median_ms" in row:
            medians.setdefault(row["set"], {})[row["contender"]] = row["median_ms"]
        elif row["set"] == LARGE:
            kept = verdict(row["peak_mib"] <= REQUIRED_PEAK_MIB)
            required = f"<= {REQUIRED_PEAK_MIB:.0f} MiB"
            found = f"{row['peak_mib']:.0f} MiB"
            lines.append([LARGE, row["contender"], "(peak memory)", required, found, kept])
    for name, times in medians.items():
        for contender, share in ((OURS, 1.0), (SHUFFLED, SHUFFLED_SHARE)):
            if contender in times:
                lines += _ratios(name, times, contender, share)
    return [*lines, *_limits(rows)]


def _ratios(
    name: str, times: dict[str, float], contender: str, share: float
) -> Iterator[list[str]]:
    tgp = min((times[mode] for mode in TGP if mode in times), default=None)
    for rival, time, required in (
        (PYG, times.get(PYG), REQUIRED_OVER_PYG.get(name)),
        (FASTER_TGP, tgp, REQUIRED_OVER_TGP.get(name)),
    ):
        wanted = None if required is None else share * required
        line = [name, contender, f"faster than {rival}", multiple(wanted)]
        if time is None:
            yield [*line, "not measured" if rival == PYG else "not installed", ""]
            continue
        ratio = time / times[contender]
        yield [*line, multiple(ratio), "" if wanted is None else verdict(ratio >= wanted)]


def _limits(rows: Sequence[Row]) -> Iterator[list[str]]:
    for row in rows:
        times = row.get("times_limit")
        if row["contender"] == OURS and times is not None and row["nodes"] > LIMITED_NODES:
            goal = f"<= {multiple(GOAL_OVER_LIMIT)}"
            met = verdict(times <= GOAL_OVER_LIMIT)
            yield [row["set"], OURS, "time over the machine's limit", goal, multiple(times), met]


def multiple(ratio: float | None) -> str:
    """Write a ratio, or a dash for none."""
    return "–" if ratio is None else f"{ratio:.3g}×"


def verdict(met: bool) -> str:
    """Say whether a requirement is met."""
    return "met" if met else "NOT MET"
