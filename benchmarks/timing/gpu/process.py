"""Runs a part: work by work, each stored at once, in a process that may die without the others.

An illegal access to the device's memory spoils everything that a process does with it afterwards,
and a kernel that hangs cannot be interrupted. So each part has a process; one that dies is started
again behind the work that killed it.
"""

from __future__ import annotations

import importlib
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from benchmarks.records.plain_console import PlainConsole
from benchmarks.records.rows import ResultLines
from benchmarks.spec.device import synchronise
from benchmarks.timing.gpu.part import FAILED, Part, Row, Setting
from benchmarks.timing.limited_process import describe, is_out_of_memory, run_limited
from benchmarks.timing.turns import free_memory

CRASH, SKIPPED = "crash", "skipped"
MOST_STARTS = 6

Tell = Callable[[str], None]


def load_part(address: str) -> Part:
    """Import a part, given as ``module:function``."""
    module, _, function = address.partition(":")
    part: Part = getattr(importlib.import_module(module), function)
    return part


def unfinished(rows: Sequence[Row]) -> bool:
    """Whether a work has to be done again: it failed, or there was no time for it."""
    return not rows or all(row.get("kind") in (CRASH, SKIPPED) for row in rows)


def latest(rows: Sequence[Row]) -> list[Row]:
    """Return the rows without the failures of works that succeeded later."""
    succeeded = {row["part"] for row in rows if not unfinished([row])}
    kept: dict[int, Row] = {}
    last: dict[str, int] = {}
    for number, row in enumerate(rows):
        if unfinished([row]):
            if row["part"] in succeeded:
                continue
            # Of several failures of a work, the last tells where it stands.
            kept.pop(last.get(row["part"], -1), None)
            last[row["part"]] = number
        kept[number] = row
    return list(kept.values())


def crash_row(note: str, detail: Sequence[str] = ()) -> Row:
    """Return the row of a work that gave none; only lack of memory is no failure."""
    ran_out = note.startswith("out of memory")
    return {
        "kind": CRASH,
        "note": note,
        "detail": list(detail),
        "verdict": "" if ran_out else FAILED,
    }


def where(error: BaseException) -> list[str]:
    """Return the last calls before an error, without the folders of this machine."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def run_part(
    name: str,
    address: str,
    setting: Setting,
    lines: ResultLines,
    redo: Collection[str] = (),
    tell: Tell = lambda text: None,
    begun: Tell = lambda label: None,
) -> bool:
    """Run the works of a part that are not finished, and store the rows of each.

    Args:
        name: Name of the part, in front of the names of its works.
        address: Where it is, as ``module:function``.
        setting: What it is given.
        lines: Where the rows go.
        redo: Works that count as not finished although they have rows.
        tell: Called with a line about each work.
        begun: Called with the label of a work that begins.

    Returns:
        Whether the part came to its end; if not, this process can no longer use the device.
    """
    begun(f"{name}: start")
    try:
        works = list(load_part(address)(setting))
    except Exception as error:
        lines.add(f"{name}: start", [crash_row(describe(error), where(error))])
        tell(f"{name}: {describe(error)}")
        return True
    for work in works:
        label = f"{name}: {work.name}"
        if lines.finished(label) is not None and label not in redo:
            continue
        if time.time() > setting.deadline:
            lines.add(label, [{"kind": SKIPPED, "note": "no time was left"}])
            tell(f"{label}: no time was left")
            continue
        begun(label)
        began = time.perf_counter()
        try:
            rows = work.run()
            synchronise(setting.device)
        except Exception as error:
            rows = [crash_row(describe(error), where(error))]
        seconds = time.perf_counter() - began
        lines.add(label, [{**row, "work_seconds": round(seconds, 2)} for row in rows])
        tell(f"{label}: {outcome(rows)} ({seconds:.1f} s)")
        if not _usable(setting.device):
            return False
    return True


def outcome(rows: Sequence[Row]) -> str:
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


def run_part_alone(
    name: str,
    address: str,
    setting: Setting,
    path: Path,
    config: dict[str, Any],
    redo: Collection[str],
    kill_at: float,
) -> None:
    """Run a part in processes of its own, until it is through or its time is.

    Args:
        name: As :func:`run_part` has it, like what follows.
        address: Where the part is.
        setting: What it is given.
        path: File of rows, which is there already.
        config: Settings of the run.
        redo: Works to do again.
        kill_at: Time (:func:`time.time`) at which it is stopped.
    """
    left = set(redo)
    for _ in range(MOST_STARTS):
        labels: list[str] = []
        arguments = (name, address, setting, path, config, frozenset(left))
        outcome = run_limited(
            _serve, arguments, seconds=max(kill_at - time.time(), 0.0), hear=labels.append
        )
        left -= set(labels)
        if outcome.value:
            return
        lines = ResultLines(path.parent, config, setting.seed, path)
        at = labels[-1] if labels else f"{name}: start"
        stored = lines.finished(at)
        if stored is None or (at in redo and unfinished(stored)):
            lines.add(at, [crash_row(outcome.died or "its process could use the device no longer")])
        if time.time() > kill_at:
            return


def _serve(
    begun: Tell,
    name: str,
    address: str,
    setting: Setting,
    path: Path,
    config: dict[str, Any],
    redo: Collection[str],
) -> bool:
    console = PlainConsole(stderr=True)

    def tell(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    lines = ResultLines(path.parent, config, setting.seed, path)
    return run_part(name, address, setting, lines, redo, tell, begun)
