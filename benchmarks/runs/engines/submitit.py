"""submitit: a job a cell, in arrays of SLURM's; processes of this machine where there is no SLURM.

Any parameter of submitit's ``update_parameters`` is an option, such as slurm_partition=gpu.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import submitit
from submitit.core.utils import FailedJobError, UncompletedJobError

from benchmarks.runs.elsewhere import ElsewhereTask, NotShared
from benchmarks.runs.engine import EngineRequest
from benchmarks.runs.submitting import LostWorkerError, SubmittingEngine
from benchmarks.runs.worker import CellFailure, Outcome
from benchmarks.spec.cell import Cell
from benchmarks.spec.errors import UsageError

OPTIONS = None
FOLDER = ".submitit"
"""Where jobs and their logs are, in the run's folder; git ignores it."""

LONGEST_ARRAY = 1000
"""Cells in flight under SLURM, which by default refuses arrays of more than 1001."""

_MINUTES = 24 * 60
_POLL_SECONDS = {"slurm": 5.0}
_POLL_SECONDS_HERE = 0.2


def make(request: EngineRequest) -> "SubmititEngine":
    """Return the engine.

    Raises:
        UsageError: If a part of a GPU is asked for, of which SLURM knows nothing by itself.
    """
    if request.gpus_per_cell != int(request.gpus_per_cell):
        raise UsageError(
            "--gpus-per-cell: expected a whole number under --engine submitit, got "
            f"{request.gpus_per_cell:g}; where SLURM is set up to share GPUs, "
            "--engine-option slurm_gres=shard:1 asks for a part"
        )
    options = {name: _read(text) for name, text in request.options.items()}
    return SubmititEngine(request.jobs, int(request.gpus_per_cell), options)


class SubmititEngine(SubmittingEngine):
    """Runs each cell as a job. A job that SLURM stops at its time limit is queued again.

    Args:
        jobs: Cells that run at the same time; 0: SLURM's limit, or one a core.
        gpus_per_cell: GPUs of each job.
        options: Parameters of submitit.
        cluster: ``"slurm"`` or ``"local"``. (default: what is there)
    """

    def __init__(
        self,
        jobs: int = 0,
        gpus_per_cell: int = 0,
        options: dict[str, Any] | None = None,
        cluster: str | None = None,
    ) -> None:
        self.jobs = jobs
        self.cluster = cluster or submitit.AutoExecutor.which()
        self.parameters: dict[str, Any] = {"timeout_min": _MINUTES, "cpus_per_task": 1}
        if gpus_per_cell:
            self.parameters["gpus_per_node"] = gpus_per_cell
        if jobs:
            self.parameters["slurm_array_parallelism"] = jobs
        self.parameters.update(options or {})

    def room(self) -> int:
        """Return the length of an array of jobs; without SLURM, the number of processes."""
        return LONGEST_ARRAY if self.cluster == "slurm" else self.jobs or os.cpu_count() or 1

    def begin(self, task: ElsewhereTask, cells: Sequence[Cell]) -> list[Any]:
        """Submit an array of jobs."""
        executor = submitit.AutoExecutor(task.task.store.folder / FOLDER, self.cluster)
        try:
            executor.update_parameters(**self.parameters)
        except (NameError, TypeError, ValueError, AssertionError) as error:
            raise UsageError(f"--engine-option: {error}") from error
        return list(executor.map_array(_Job(task), cells))

    def finished(self, handles: Sequence[Any]) -> list[Any]:
        """Wait for one job."""
        while True:
            done = [job for job in handles if job.done()]
            if done:
                return done
            time.sleep(_POLL_SECONDS.get(self.cluster, _POLL_SECONDS_HERE))

    def outcome(self, handle: Any, cell: Cell) -> Outcome | NotShared:
        """Return what the job returned, and remove its files but the logs of one that failed."""
        complete = False
        try:
            outcome: Outcome | NotShared = handle.result()
            complete = True
        except FailedJobError as error:
            return CellFailure(cell, str(error))
        except UncompletedJobError as error:
            raise LostWorkerError(str(error)) from error
        finally:
            _remove_files(handle, but_logs=not complete)
        return outcome

    def stop(self, handles: Sequence[Any]) -> None:
        """Cancel the jobs."""
        for job in handles:
            job.cancel(check=False)


@dataclass(frozen=True)
class _Job:
    """What a job calls; as it is when its time is up, it may be begun again."""

    task: ElsewhereTask

    def __call__(self, cell: Cell) -> Outcome | NotShared:
        return self.task(cell)

    def checkpoint(self, cell: Cell) -> submitit.helpers.DelayedSubmission:
        return submitit.helpers.DelayedSubmission(self, cell)


def _read(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _remove_files(job: Any, but_logs: bool) -> None:
    """Remove a job's files, and after the last job's the scripts and the folder."""
    paths = job.paths
    logs = [] if but_logs else [paths.stdout, paths.stderr]
    for path in (paths.submitted_pickle, paths.result_pickle, *logs):
        Path(path).unlink(missing_ok=True)
    folder = Path(paths.folder)
    if not any(folder.glob("*_submitted.pkl")):
        for script in folder.glob("*submission*.sh"):
            script.unlink(missing_ok=True)
        with suppress(OSError):  # Logs are still in it.
            folder.rmdir()
