"""What a worker does with a cell: trains it, and stores it where it is."""

import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from filelock import FileLock, Timeout

from benchmarks.data.registry import find_source
from benchmarks.data.task import metric_of, score_key
from benchmarks.records.store import RunStore, cell_name
from benchmarks.spec.cell import Cell, CellResult
from benchmarks.spec.errors import DivergedError
from benchmarks.training.engines import engine_of


class CellFailure(NamedTuple):
    """A cell that raised, with its traceback, or with the reason that will not change."""

    cell: Cell
    text: str
    is_final: bool = False


Outcome = str | CellFailure
"""What is told of a cell: a line once it is stored, or its failure."""


def run_cell(cell: Cell, log: Path | None = None) -> CellResult:
    """Run a cell in this process, and store nothing.

    Args:
        cell: What to run.
        log: Folder of TensorBoard's event files, if it has epochs. (default: none are written)
    """
    return engine_of(cell.method).run(cell, find_source(cell.dataset), log)


@dataclass(frozen=True)
class CellTask:
    """Runs a cell in a worker and stores it there, so that it outlives the runner.

    Args:
        store: Where results are written.
        version: The code's version, for the records.
        logs: Folder of TensorBoard's event files, in a folder a cell. (default: none are written)
    """

    store: RunStore
    version: dict[str, Any]
    logs: Path | None = None

    def __call__(self, cell: Cell) -> Outcome:
        """Return what is told of a cell, once it is stored or has failed."""
        torch.set_num_threads(1)
        store, number = self.store, (cell.configuration, cell.fold, cell.seed)
        # Held while the cell is trained, and freed by the system however this process ends; where
        # runners on several machines share a folder, as far as its file system shares locks.
        claim = FileLock(store.claim_path(*number))
        try:
            claim.acquire(blocking=False)
        except Timeout:
            return f"{summary(cell)}: another runner is at it"
        try:
            if store.has(*number):
                return f"{summary(cell)}: another runner has made it"
            return self._run_and_store(cell)
        finally:
            claim.release()
            path = Path(claim.lock_file)
            path.unlink(missing_ok=True)
            with suppress(OSError):  # Others' claims are still in it.
                path.parent.rmdir()

    def _run_and_store(self, cell: Cell) -> Outcome:
        store, number = self.store, (cell.configuration, cell.fold, cell.seed)
        try:
            result = run_cell(cell, None if self.logs is None else self.logs / cell_name(*number))
        except DivergedError as error:
            reason = f"{error}; to train it again, delete {store.failure_path(*number)}"
            store.write_failure({**cell.as_record(), "failed": str(error), **self.version})
            return CellFailure(cell, reason, is_final=True)
        except Exception:
            return CellFailure(cell, traceback.format_exc())
        store.write_checkpoint(*number, result.checkpoint)
        store.write_cell({**result.record, **self.version})
        return summary(cell, result.record)


def summary(cell: Cell, record: dict[str, Any] | None = None) -> str:
    """Return a line on a cell, with its result where there is one."""
    text = f"configuration {cell.configuration}, fold {cell.fold}, seed {cell.seed}"
    if record is None:
        return text
    metric = metric_of(record)
    text += ": " if metric == "accuracy" else f": {metric} "
    text += f"validation {100 * record[score_key(record, 'validation')]:.1f} %"
    test = record[score_key(record, "test")]
    if test is not None:
        text += f", test {100 * test:.1f} %"
    return f"{text}, epoch {record['best_epoch']} of {record['epochs']}, {record['seconds']:.0f} s"
