from types import SimpleNamespace

import pytest

from benchmarks.runs.elsewhere import elsewhere
from benchmarks.runs.engine import EngineRequest
from benchmarks.runs.engines import make_engine
from benchmarks.runs.submitting import LostWorkerError
from benchmarks.runs.worker import CellFailure
from benchmarks.spec.errors import UsageError
from tests.benchmarks.runs.engines.small_run import assert_as_local, small_plan, task_in

distributed = pytest.importorskip("distributed", reason="needs dask")
pytestmark = pytest.mark.dask


def test_a_lost_worker_is_replaced_and_the_cells_are_those_of_local(tmp_path):
    engine = make_engine("dask", EngineRequest(jobs=2, gpus_per_cell=0.25))
    with engine.cluster, engine.client:
        assert_as_local(engine, tmp_path)


class Client:
    """Notes what is asked of it."""

    def __init__(self, threads=(1, 1)):
        self.threads = {f"worker-{number}": count for number, count in enumerate(threads)}
        self.asked = []

    def nthreads(self):
        return self.threads

    def submit(self, *arguments, **options):
        self.asked.append(options)
        return len(self.asked)

    def cancel(self, handles, force):
        self.cancelled = handles


def engine_with(client, **options):
    from benchmarks.runs.engines.dask import DaskEngine

    return DaskEngine(client, **options)


@pytest.mark.parametrize(("share", "asked"), [(0.0, None), (0.25, {"GPU": 0.25})])
def test_a_cell_asks_for_its_share_of_a_gpu(tmp_path, share, asked):
    client = Client()
    engine = engine_with(client, gpus_per_cell=share)
    with elsewhere(task_in(tmp_path)) as task:
        assert engine.begin(task, small_plan().cells()) == [1, 2]
    assert client.asked == [{"pure": False, "resources": asked}] * 2
    engine.stop([2])
    assert client.cancelled == [2]


def test_there_is_room_for_a_cell_a_worker():
    assert engine_with(Client()).room() == 2
    assert engine_with(Client(threads=())).room() == 1
    assert engine_with(Client(), jobs=7).room() == 7


def test_workers_of_several_threads_are_refused():
    with pytest.raises(UsageError, match=r"--nthreads 1\), worker-1 has 4"):
        engine_with(Client((1, 4))).room()


class Handle:
    def __init__(self, error):
        self.error = error

    def result(self):
        raise self.error


def test_what_the_scheduler_gave_up_is_a_failure_and_what_it_lost_is_begun_anew():
    engine, (cell, _) = engine_with(Client()), small_plan().cells()
    killed = distributed.KilledWorker("cell", SimpleNamespace(address="tcp://node"), 3)
    failure = engine.outcome(Handle(killed), cell)
    assert failure.cell == cell
    assert "all those workers died" in failure.text
    failure = engine.outcome(Handle(ImportError("no benchmarks")), cell)
    assert failure == CellFailure(cell, "ImportError: no benchmarks")
    with pytest.raises(LostWorkerError):
        engine.outcome(Handle(distributed.CancelledError("gone")), cell)
