"""Runs a part: work by work, each stored at once, in a process that may die without the others.

An illegal access to the device's memory spoils everything that a process does with it afterwards,
and a kernel that hangs cannot be interrupted. So each part has a process; one that dies is started
again behind the work that killed it.
"""

from __future__ import annotations

import importlib
import time
import traceback
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

from benchmarks.records.plain_console import PlainConsole
from benchmarks.records.rows import ResultLines
from benchmarks.spec.device import synchronise
from benchmarks.timing.gpu.data import data_there
from benchmarks.timing.gpu.part import FAILED, Setting
from benchmarks.timing.limited_process import (
    OUT_OF_MEMORY,
    describe,
    is_out_of_memory,
    run_limited,
)
from benchmarks.timing.turns import free_memory
from benchmarks.timing.works import Row, Tell, Work, tell_nobody

CRASH, SKIPPED = "crash", "skipped"
NO_TIME = "no time was left"
# Without the reason, which would name a folder of the machine.
DATA_MISSING = "its data are not there"
MOST_STARTS = 6


def run_part(
    name: str,
    address: str,
    setting: Setting,
    lines: ResultLines,
    skip: Collection[str] = (),
    begun: Tell = tell_nobody,
) -> bool:
    """Run the works of a part, and store the rows of each.

    Args:
        name: Name of the part, in front of the names of its works.
        address: Where it is, as ``module:function``.
        setting: What it is given.
        lines: Where the rows go.
        skip: Labels of the works that are left out.
        begun: Called with the label of a work that begins.

    Returns:
        Whether the part came to its end; if not, this process can no longer use the device.
    """
    console = PlainConsole(stderr=True)
    label = f"{name}: start"
    begun(label)
    try:
        module, _, function = address.partition(":")
        works = list(getattr(importlib.import_module(module), function)(setting))
    except Exception as error:
        works = [Work("start", partial(_crash, error))]
    for work in works:
        label = f"{name}: {work.name}"
        if label in skip:
            continue
        begun(label)
        began = time.perf_counter()
        rows = _rows_of(work, setting)
        seconds = time.perf_counter() - began
        lines.add(label, [{**row, "work_seconds": round(seconds, 2)} for row in rows])
        text = f"{label}: {_outcome(rows)} ({seconds:.1f} s)"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        if not _usable(setting.device):
            return False
    return True


def _rows_of(work: Work, setting: Setting) -> list[Row]:
    """Run a work if there is time for it and its data can be had; return its rows or the reason."""
    if time.time() > setting.deadline:
        return [{"kind": SKIPPED, "note": NO_TIME}]
    if work.data is not None and not data_there(work.data):
        return [{"kind": SKIPPED, "note": DATA_MISSING}]
    try:
        rows = work.run()
        synchronise(setting.device)
        return rows
    except Exception as error:
        return _crash(error)


def crash_row(note: str, detail: Sequence[str] = ()) -> Row:
    """Return the row of a work that gave none; only lack of memory is no failure."""
    failed = "" if note.startswith(OUT_OF_MEMORY) else FAILED
    return {"kind": CRASH, "note": note, "detail": list(detail), "verdict": failed}


def _crash(error: BaseException) -> list[Row]:
    """Return a row with the last calls before an error, without the folders of this machine."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    calls = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return [crash_row(describe(error), calls)]


def _outcome(rows: Sequence[Row]) -> str:
    """Return a few words about the rows of a work."""
    notes = [str(row["note"]) for row in rows if row.get("note")]
    failed = sum(row.get("verdict") == FAILED for row in rows)
    if failed:
        return f"{failed} of {len(rows)} FAILED" + (f", {notes[0]}" if notes else "")
    return notes[0] if len(notes) == len(rows) and notes else "done"


def _usable(device: str) -> bool:
    try:
        free_memory(device)
        synchronise(device)
    except RuntimeError as error:
        return is_out_of_memory(error)
    return True


def unfinished(rows: Sequence[Row]) -> bool:
    """Whether a work has to be done again: it failed, or was left out."""
    return all(row.get("kind") in (CRASH, SKIPPED) for row in rows)


def latest(rows: Sequence[Row]) -> list[Row]:
    """Return the rows without the failures of works that were done again later."""
    last = {row["part"]: number for number, row in enumerate(rows) if unfinished([row])}
    succeeded = {row["part"] for row in rows if not unfinished([row])}
    return [
        row
        for number, row in enumerate(rows)
        if not unfinished([row]) or (row["part"] not in succeeded and last[row["part"]] == number)
    ]


def run_part_alone(
    name: str,
    address: str,
    setting: Setting,
    lines: ResultLines,
    skip: Collection[str],
    kill_at: float,
) -> None:
    """Run a part in processes of its own, until it is through or its time is.

    Args:
        name: As :func:`run_part` has it, like what follows.
        address: Where the part is.
        setting: What it is given.
        lines: Where the rows go.
        skip: Labels of the works that are left out.
        kill_at: Time (:func:`time.time`) at which it is stopped.
    """
    begun: list[str] = []
    for _ in range(MOST_STARTS):
        arguments = (name, address, setting, lines, {*skip, *begun})
        left = max(kill_at - time.time(), 0.0)
        outcome = run_limited(_serve, arguments, seconds=left, hear=begun.append)
        if outcome.value:
            return
        if outcome.died is not None:
            lines.add(begun[-1] if begun else f"{name}: start", [crash_row(outcome.died)])
        if time.time() > kill_at:
            return


def _serve(
    begun: Tell,
    name: str,
    address: str,
    setting: Setting,
    lines: ResultLines,
    skip: Collection[str],
) -> bool:
    return run_part(name, address, setting, lines, skip, begun)
