"""Processes of this machine, which end with the runner that started them."""

import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence

import joblib
from joblib.externals.loky import get_reusable_executor

from benchmarks.runs.engine import EngineRequest
from benchmarks.runs.worker import CellTask, Outcome
from benchmarks.spec.cell import Cell
from benchmarks.spec.errors import UsageError
from benchmarks.training.parent import end_with

OPTIONS: dict[str, str] = {}


def make(request: EngineRequest) -> "LocalEngine":
    """Return the engine, with a process a core unless the request names a number."""
    if request.gpus_per_cell:
        raise UsageError(
            "--gpus-per-cell: expected none under --engine local, whose cells all share the first "
            "GPU; --jobs says how many at a time"
        )
    return LocalEngine(request.jobs or os.cpu_count() or 1)


class LocalEngine:
    """Runs cells in processes of one thread each.

    A worker that is killed ends the run with joblib's error: here the system does that for want of
    memory, and a second try would want as much.

    Args:
        jobs: Number of processes; 1 runs the cells in this one.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def outcomes(
        self, task: CellTask, cells: Sequence[Cell], admit: Callable[[Cell], bool]
    ) -> Generator[Outcome, None, None]:
        """Run cells and yield the outcome of each as it is there."""
        jobs = min(self.jobs, len(cells))
        runner = os.getpid() if jobs > 1 else None
        parallel = joblib.Parallel(
            n_jobs=jobs,
            return_as="generator_unordered",
            # Nothing is queued ahead: a runner killed leaves only the cells in flight.
            pre_dispatch="n_jobs",
            batch_size=1,
        )
        running = parallel(
            joblib.delayed(_run)(task, cell, runner) for cell in filter(admit, cells)
        )
        try:
            for outcome in running:  # noqa: UP028 (workers end before joblib's generator is closed)
                yield outcome
        except (KeyboardInterrupt, GeneratorExit):
            if jobs > 1:
                # The workers are this run's own: stop them now, a cell may have hours to go.
                get_reusable_executor().shutdown(wait=False, kill_workers=True)
            raise


def _run(task: CellTask, cell: Cell, runner: int | None) -> Outcome:
    """Run a cell in a process that the runner started, or in the runner itself."""
    if runner is not None and threading.current_thread() is threading.main_thread():
        # The terminal's interrupt is for the runner, which ends its workers.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_with(runner)
    return task(cell)
