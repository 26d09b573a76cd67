"""Several folders of results brought together: all cells of all of them, or none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.records.store import (
    RunStore,
    cell_name,
    replacing,
    stored_runs,
    write_atomically,
)
from benchmarks.spec.errors import UsageError

MADE_BY = ("code", "packages", "machine")
"""Of a run's description: what says by what it was made."""

_OF_THE_COMMAND = ("folds", "seeds", "started", "others", *MADE_BY)
"""Of a run's description: what two folders of the same run may tell differently."""

_OF_THE_MACHINE = ("seconds", "machine", "commit", "dirty")
"""Of a cell: what two trainings with one result may tell differently."""


class Merged(NamedTuple):
    """What a merge did: runs written to, cells that were new there, cells that were there."""

    runs: int
    new: int
    present: int


@dataclass
class _Run:
    """A run as the folders together have it; a cell is where it was found first."""

    description: dict[str, Any]
    others: list[dict[str, Any]]
    cells: dict[str, tuple[RunStore, dict[str, Any]]] = field(default_factory=dict)
    failures: dict[str, Path] = field(default_factory=dict)


def merge(folders: Sequence[Path], out: Path) -> Merged:
    """Bring the runs of several folders of results together.

    A cell that several folders have must have the same result in each, except for the time that it
    took; it is kept as it was found first, in ``out`` before the others. Checkpoints and the
    reasons of failed cells come along.

    Args:
        folders: Folders of results; they stay as they are.
        out: The folder to write to, which may hold results already.

    Raises:
        UsageError: If two folders disagree on a run or a cell. Nothing is written then.
    """
    runs: dict[str, _Run] = {}
    conflicts: list[str] = []
    for folder in dict.fromkeys([out.absolute(), *(folder.absolute() for folder in folders)]):
        for store, description in stored_runs(folder):
            run = runs.setdefault(store.run_id, _Run(description, []))
            conflicts += _add(run, store, description)
    if conflicts:
        raise UsageError(
            f"{len(conflicts)} conflicts between the folders; expected equal runs and cells, "
            "nothing is written",
            "\n".join(conflicts),
        )
    new = present = written = 0
    for run_id, run in runs.items():
        added = _write(RunStore(out.absolute(), run_id), run)
        new, present = new + added, present + len(run.cells) - added
        written += added > 0
    return Merged(written, new, present)


def _add(run: _Run, store: RunStore, description: dict[str, Any]) -> list[str]:
    """Add what a folder has of a run, and return a line for each conflict."""
    first, second = _identity(run.description), _identity(description)
    if first != second:
        return [f"{store.folder}: {_difference(first, second)} as another folder has it"]
    _describe(run, description)
    conflicts = []
    for record in store.cells():
        name = cell_name(record["configuration"], record["fold"], record["seed"])
        found, kept = run.cells.setdefault(name, (store, record))
        first, second = _result(kept), _result(record)
        if first != second:
            conflicts.append(
                f"{store.folder}: {name}: {_difference(first, second)} as in {found.folder}"
            )
    for path in sorted((store.folder / "failed").glob("*.json")):
        run.failures.setdefault(path.stem, path)
    return conflicts


def _describe(run: _Run, description: dict[str, Any]) -> None:
    """Join folds and seeds, and keep by what else the run was made."""
    kept = run.description
    if description is not kept:
        for name in ("folds", "seeds"):
            kept[name] = sorted({*kept.get(name, []), *description.get(name, [])})
    made = [{name: description.get(name) for name in MADE_BY}, *description.get("others", [])]
    first = {name: kept.get(name) for name in MADE_BY}
    run.others += [entry for entry in made if entry != first and entry not in run.others]


def _write(store: RunStore, run: _Run) -> int:
    """Write what a folder lacks of a run, and return the number of its new cells."""
    new = [name for name, (found, _) in run.cells.items() if found.folder != store.folder]
    failures = {name: path for name, path in run.failures.items() if name not in run.cells}
    for name, path in failures.items():
        target = store.folder / "failed" / f"{name}.json"
        if not target.exists():
            write_atomically(target, path.read_bytes())
    for name in new:
        found, record = run.cells[name]
        number = record["configuration"], record["fold"], record["seed"]
        checkpoint = found.checkpoint_path(*number)
        if checkpoint.exists():
            with replacing(store.checkpoint_path(*number)) as temporary:
                temporary.write_bytes(checkpoint.read_bytes())
        # The cell last: it is finished when it is there.
        write_atomically(store.cell_path(*number), found.cell_path(*number).read_bytes())
        store.failure_path(*number).unlink(missing_ok=True)
    if new or failures:
        others = {"others": run.others} if run.others else {}
        store.write_run({**run.description, **others})
    return len(new)


def _identity(description: dict[str, Any]) -> dict[str, Any]:
    """Return what makes a run this run; the name of a file of splits is not part of it."""
    kept = {key: value for key, value in description.items() if key not in _OF_THE_COMMAND}
    return {**kept, "splits": {**kept["splits"], "file": None}}


def _result(cell: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in cell.items() if key not in _OF_THE_MACHINE}


def _difference(first: dict[str, Any], second: dict[str, Any]) -> str:
    """Return which keys two records differ in, in words."""
    keys: Iterable[str] = dict.fromkeys([*first, *second])
    return f"not the same {', '.join(key for key in keys if first.get(key) != second.get(key))}"
