"""Part ``coarsen``: coarsening with both losses against PyG's dense route and tgp."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from benchmarks.spec.errors import UsageError
from benchmarks.timing.batches import PROBLEMS, REAL_BATCH_SIZES, Problems, large_ragged
from benchmarks.timing.coarsen import set_rows
from benchmarks.timing.gpu.correctness import available_backends
from benchmarks.timing.gpu.data import data_there
from benchmarks.timing.gpu.part import DATA_MISSING, WARM_UP, Row, Setting, Work
from benchmarks.timing.limited_process import OUT_OF_MEMORY
from benchmarks.timing.rivals import (
    COMPILED,
    CONTENDERS,
    OURS,
    OURS_GIVEN,
    PYG,
    PYG_GIVEN,
    Contender,
    told_the_sizes,
)
from benchmarks.timing.targets import verdict
from benchmarks.timing.turns import on_cuda

REQUIRED_TIMES = {"DD": 10.0, "REDDIT-like": 50.0}
REQUIRED_MEMORY_TIMES = 50.0
LARGE_NODES = (100_000, 1_000_000)
# Where a dense float64 reference would take minutes; the part on correctness has the errors.
MOST_REFERENCE_NODES = 50_000


def problem_sets() -> dict[str, Problems]:
    """Return the sets of batches, those that targets are set for first."""
    large: dict[str, Problems] = {
        f"{number:,} nodes, ragged": lambda seed, number=number: [large_ragged(seed, number)]  # type: ignore[misc]
        for number in LARGE_NODES
    }
    first = {name: PROBLEMS[name] for name in REQUIRED_TIMES if name in PROBLEMS}
    return {**dict(reversed(first.items())), **large, **dict(reversed(PROBLEMS.items()))}


def coarsen(setting: Setting) -> Iterable[Work]:
    """Yield one work a set of batches."""
    for name, problems in problem_sets().items():
        yield Work(name, partial(measure_set, name, problems, setting))


def measure_set(name: str, problems: Problems, setting: Setting) -> list[Row]:
    """Time all contenders on a set, in turns, and compare."""
    device = setting.device
    if name in REAL_BATCH_SIZES and not data_there(name):
        return [{"kind": "coarsen", "set": name, "note": DATA_MISSING}]
    try:
        found = [problem.on(device) for problem in problems(setting.seed)]
    except (OSError, UsageError):
        return [{"kind": "coarsen", "set": name, "note": DATA_MISSING}]
    rounds, seconds = (15, 8.0) if setting.quick else (50, 60.0)
    checked = [found[0]] if found[0].batch.numel() <= MOST_REFERENCE_NODES else []
    rows = set_rows(
        name,
        found,
        contenders(device, not setting.quick),
        rounds,
        setting.left(seconds),
        device=device,
        warm_up=WARM_UP,
        memory=on_cuda(device),
        checked=checked,
    )
    return [{"kind": "coarsen", **row} for row in rows] + requirements(name, rows)


def contenders(device: str, compiled: bool = False) -> dict[str, Contender]:
    """Return all contenders, those that are told the largest graph first.

    Backends are compared among these, without what a measured width costs. Compiling takes a
    minute, and is left out unless asked for.
    """
    left_out = () if compiled else (COMPILED,)
    plain = {
        name: contender
        for name, contender in CONTENDERS.items()
        if not name.startswith(f"{OURS}, ") and name not in left_out
    }
    return told_the_sizes(available_backends(device)) | plain


def requirements(name: str, rows: list[Row]) -> list[Row]:
    """Return a row for each comparison with PyG: ours as loaded against the better PyG."""
    by_name = {row["contender"]: row for row in rows}
    ours, rivals = by_name[OURS_GIVEN], [by_name[rival] for rival in (PYG, PYG_GIVEN)]
    found = []
    for key, what, required in (
        ("median_ms", "times as fast as PyG", REQUIRED_TIMES.get(name)),
        (
            "peak_mib",
            "PyG's peak memory over ours",
            REQUIRED_MEMORY_TIMES if name in REQUIRED_TIMES else None,
        ),
    ):
        row: dict[str, Any] = {
            "kind": "requirement", "set": name, "what": what, "required": required,
            "measured": None, "verdict": "",
        }  # fmt: skip
        mine, theirs = ours.get(key), [r[key] for r in rivals if r.get(key) is not None]
        if mine and theirs:
            row["measured"] = min(theirs) / mine
            row["verdict"] = "" if required is None else verdict(row["measured"] >= required)
        else:
            row["note"] = _why_not(ours, rivals)
        found.append(row)
    return found


def _why_not(ours: Row, rivals: list[Row]) -> str:
    if ours.get("note"):
        return f"ours: {ours['note']}"
    notes = {str(rival["note"]) for rival in rivals if rival.get("note")}
    if notes == {OUT_OF_MEMORY}:
        return "PyG runs out of memory"
    return "; ".join(sorted(notes)) or "not measured"
