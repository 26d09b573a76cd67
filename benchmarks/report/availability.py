"""Whether a run's clusters can be shown, why not, and the command that helps."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from benchmarks.clusters.checkpoints import StoredRun
from benchmarks.clusters.remake import FOLDER, remake_command
from benchmarks.data.registry import find_source


class Absence(NamedTuple):
    """Why a run is not in the explorer, and the commands that would bring it there, if any."""

    reason: str
    command: str | None = None


def absence(stored: StoredRun, folds: list[int], splits: Path | None) -> Absence | None:
    """Return why a run's clusters cannot be shown, as far as its files tell; None if they can.

    Args:
        stored: The run.
        folds: The folds whose networks are wanted.
        splits: File of the published folds on which it was trained, if any.

    Raises:
        UsageError: If its networks are not on disk, and its recipe is another one by now.
    """
    run = stored.run
    if not find_source(run["dataset"]).PLAIN:
        return Absence("the explorer shows data sets with one class a graph, not OGB's")
    if not stored.cells or not stored.folds.accuracy:
        return Absence("no fold is finished yet")
    if not any(stored.clusters):
        return Absence("its method pools nothing, and has no clusters")
    missing = [fold for fold in folds if fold not in stored.folds.accuracy]
    if missing:
        return Absence(f"fold {missing[0]} is not finished")
    paths = [
        stored.store.checkpoint_path(stored.folds.selected[fold], fold, stored.folds.seeds[0])
        for fold in folds
    ]
    if not all(path.exists() for path in paths):
        return Absence(
            "its trained networks are not on disk, since git leaves checkpoints out. These "
            "commands make them in another folder of results, and the page from there:",
            f"{remake_command(run, folds, stored.folds.seeds[:1], splits)} && "
            f"python -m benchmarks report {run['run']} --results {FOLDER}",
        )
    return None
