"""Ray: a task a cell, on the cluster of address=… (or RAY_ADDRESS), else on one started here."""

import os
from collections.abc import Sequence
from typing import Any

import ray
from ray import exceptions

from benchmarks.runs.elsewhere import ElsewhereTask, NotShared
from benchmarks.runs.engine import EngineRequest
from benchmarks.runs.submitting import LostWorkerError, SubmittingEngine
from benchmarks.runs.worker import CellFailure, Outcome
from benchmarks.spec.cell import Cell

OPTIONS = {"address": "the cluster's, such as auto or HOST:6379; none: a cluster is started here"}

_LOST = (
    exceptions.WorkerCrashedError,
    exceptions.NodeDiedError,
    exceptions.OutOfMemoryError,
    exceptions.ObjectLostError,
)


def make(request: EngineRequest) -> "RayEngine":
    """Return the engine, connected to its cluster."""
    if not ray.is_initialized():
        address = request.options.get("address") or os.environ.get("RAY_ADDRESS")
        own: dict[str, Any] = {} if address else {"include_dashboard": False}
        ray.init(address=address, log_to_driver=False, **own)
    return RayEngine(request.jobs, request.gpus_per_cell)


class RayEngine(SubmittingEngine):
    """Runs each cell as a task that asks for one CPU and a share of a GPU.

    Args:
        jobs: Cells in flight; 0: as many as the cluster's CPUs and GPUs hold.
        gpus_per_cell: GPUs that a cell asks for.
    """

    def __init__(self, jobs: int, gpus_per_cell: float) -> None:
        self.jobs = jobs
        self.gpus_per_cell = gpus_per_cell
        # Cells whose worker is lost are begun anew by the engine, as under all engines.
        self._run = ray.remote(num_cpus=1, num_gpus=gpus_per_cell, max_retries=0)(_run)

    def room(self) -> int:
        """Return how many cells the cluster holds, as it is now."""
        if self.jobs:
            return self.jobs
        resources = ray.cluster_resources()
        room = resources.get("CPU", 1.0)
        if self.gpus_per_cell:
            room = min(room, resources.get("GPU", 0.0) / self.gpus_per_cell)
        return max(int(room), 1)

    def begin(self, task: ElsewhereTask, cells: Sequence[Cell]) -> list[Any]:
        """Submit a task for each cell."""
        return [self._run.remote(task, cell) for cell in cells]

    def finished(self, handles: Sequence[Any]) -> list[Any]:
        """Wait for one task."""
        ready, _ = ray.wait(list(handles), num_returns=1)
        return list(ready)

    def outcome(self, handle: Any, cell: Cell) -> Outcome | NotShared:
        """Return what the task returned."""
        try:
            outcome: Outcome | NotShared = ray.get(handle)
        except _LOST as error:
            raise LostWorkerError(str(error)) from error
        except exceptions.RayError as error:
            return CellFailure(cell, str(error))
        return outcome

    def stop(self, handles: Sequence[Any]) -> None:
        """Kill the tasks."""
        for handle in handles:
            ray.cancel(handle, force=True)


def _run(task: ElsewhereTask, cell: Cell) -> Outcome | NotShared:
    return task(cell)
