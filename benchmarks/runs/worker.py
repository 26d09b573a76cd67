"""Runs cells in worker processes, which end with the runner that started them."""

import os
import signal
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import joblib
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


def run_cell(cell: Cell, log: Path | None = None) -> CellResult:
    """Run a cell in this process, and store nothing.

    Args:
        cell: What to run.
        log: Folder of TensorBoard's event files, if it has epochs. (default: none are written)
    """
    return engine_of(cell.method).run(cell, find_source(cell.dataset), log)


def outcomes(
    cells: Iterable[Cell],
    store: RunStore,
    version: dict[str, Any],
    jobs: int,
    logs: Path | None = None,
) -> Iterator[str | CellFailure]:
    """Run cells over ``jobs`` processes and yield a line for each as it is stored, or its failure.

    Args:
        cells: The cells; the next one is asked for when a process is free.
        store: Where workers write their results.
        version: The code's version, for the records.
        jobs: Number of processes; 1 runs them here.
        logs: Folder of TensorBoard's event files, in a folder a cell. (default: none are written)
    """
    parent = os.getpid() if jobs > 1 else None
    parallel = joblib.Parallel(
        n_jobs=jobs,
        return_as="generator_unordered",
        # Nothing is queued ahead: a runner killed leaves only the cells in flight.
        pre_dispatch="n_jobs",
        batch_size=1,
    )
    run = joblib.delayed(_execute)
    yield from parallel(run(cell, store, version, parent, logs) for cell in cells)


def _execute(
    cell: Cell, store: RunStore, version: dict[str, Any], parent: int | None, logs: Path | None
) -> str | CellFailure:
    """Run a cell in a worker and store it there, so that it outlives the runner."""
    if parent is not None and threading.current_thread() is threading.main_thread():
        # The terminal's interrupt is for the runner, which ends its workers.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _stop_with(parent)
    torch.set_num_threads(1)
    # Held while the cell is trained, and freed by the system however this process ends; where
    # runners on several machines share a folder, as far as its file system shares locks.
    claim = FileLock(store.claim_path(cell.configuration, cell.fold, cell.seed))
    try:
        claim.acquire(blocking=False)
    except Timeout:
        return f"{summary(cell)}: another runner is at it"
    try:
        if store.has(cell.configuration, cell.fold, cell.seed):
            return f"{summary(cell)}: another runner has made it"
        return _run_and_store(cell, store, version, logs)
    finally:
        claim.release()
        path = Path(claim.lock_file)
        path.unlink(missing_ok=True)
        with suppress(OSError):  # Others' claims are still in it.
            path.parent.rmdir()


def _run_and_store(
    cell: Cell, store: RunStore, version: dict[str, Any], logs: Path | None
) -> str | CellFailure:
    number = cell.configuration, cell.fold, cell.seed
    try:
        name = cell_name(*number)
        result = run_cell(cell, None if logs is None else logs / name)
    except DivergedError as error:
        reason = f"{error}; to train it again, delete {store.failure_path(*number)}"
        store.write_failure({**cell.as_record(), "failed": str(error), **version})
        return CellFailure(cell, reason, is_final=True)
    except Exception:
        return CellFailure(cell, traceback.format_exc())
    store.write_checkpoint(cell.configuration, cell.fold, cell.seed, result.checkpoint)
    store.write_cell({**result.record, **version})
    return summary(cell, result.record)


@cache
def _stop_with(parent: int) -> None:
    """End this worker soon after its runner, also while it waits for a cell."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


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
