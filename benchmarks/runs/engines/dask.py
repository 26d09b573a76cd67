"""Dask: a task a cell, on the cluster of address=…, else on workers started here.

joblib's own backend for Dask is not used: it hands no error of the scheduler's on, so that a run
whose cell has lost its workers would wait for ever.
"""

import os
from collections.abc import Sequence
from typing import Any

import distributed

from benchmarks.runs.elsewhere import ElsewhereTask, NotShared
from benchmarks.runs.engine import EngineRequest
from benchmarks.runs.submitting import LostWorkerError, SubmittingEngine
from benchmarks.runs.worker import CellFailure, Outcome
from benchmarks.spec.cell import Cell
from benchmarks.spec.errors import UsageError

OPTIONS = {"address": "the scheduler's, such as tcp://HOST:8786; none: workers are started here"}


def make(request: EngineRequest) -> "DaskEngine":
    """Return the engine, connected to its cluster."""
    address = request.options.get("address")
    cluster = None
    if address is None:
        cluster = distributed.LocalCluster(
            n_workers=request.jobs or os.cpu_count() or 1,
            threads_per_worker=1,
            dashboard_address=None,
            resources={"GPU": 1} if request.gpus_per_cell else None,
        )
    client = distributed.Client(cluster or address)
    return DaskEngine(client, request.jobs, request.gpus_per_cell, cluster)


class DaskEngine(SubmittingEngine):
    """Runs each cell as a task; the scheduler moves those of a lost worker to another one.

    Args:
        client: Connected to the scheduler.
        jobs: Cells in flight; 0: one a worker.
        gpus_per_cell: What a cell asks for of the resource ``GPU`` that workers declare.
        cluster: The workers, where they are this engine's own. (default: none)
    """

    def __init__(
        self, client: Any, jobs: int = 0, gpus_per_cell: float = 0.0, cluster: Any = None
    ) -> None:
        self.client = client
        self.jobs = jobs
        self.gpus_per_cell = gpus_per_cell
        self.cluster = cluster

    def room(self) -> int:
        """Return the number of workers, as it is now.

        Raises:
            UsageError: If a worker has several threads, whose random numbers would mix.
        """
        threads = self.client.nthreads()
        several = {worker: count for worker, count in threads.items() if count != 1}
        if several:
            worker, count = next(iter(several.items()))
            raise UsageError(
                "--engine dask: expected workers of one thread each (dask worker --nthreads 1), "
                f"{worker} has {count}"
            )
        return self.jobs or max(len(threads), 1)

    def begin(self, task: ElsewhereTask, cells: Sequence[Cell]) -> list[Any]:
        """Submit a task for each cell."""
        resources = {"GPU": self.gpus_per_cell} if self.gpus_per_cell else None
        return [
            self.client.submit(_run, task, cell, pure=False, resources=resources) for cell in cells
        ]

    def finished(self, handles: Sequence[Any]) -> list[Any]:
        """Wait for one task."""
        return list(distributed.wait(list(handles), return_when="FIRST_COMPLETED").done)

    def outcome(self, handle: Any, cell: Cell) -> Outcome | NotShared:
        """Return what the task returned."""
        try:
            outcome: Outcome | NotShared = handle.result()
        except distributed.KilledWorker as error:
            # The scheduler has begun it anew already, distributed.scheduler.allowed-failures times.
            return CellFailure(cell, str(error))
        except distributed.CancelledError as error:
            raise LostWorkerError(str(error)) from error
        except Exception as error:
            # The task itself raises nothing: it could not be read, or not be sent.
            return CellFailure(cell, f"{type(error).__name__}: {error}")
        return outcome

    def stop(self, handles: Sequence[Any]) -> None:
        """Take back what waits; cells that run are killed with workers of the engine's own."""
        self.client.cancel(list(handles), force=True)
        if self.cluster is not None:
            self.cluster.close(timeout=5)


def _run(task: ElsewhereTask, cell: Cell) -> Outcome | NotShared:
    return task(cell)
