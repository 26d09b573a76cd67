import io
from contextlib import closing

import pytest
from rich.console import Console

from benchmarks.records.store import RunStore
from benchmarks.runs import runner
from benchmarks.runs.elsewhere import NotShared
from benchmarks.runs.submitting import RETRIES, LostWorkerError, SubmittingEngine
from benchmarks.runs.worker import CellFailure, CellTask
from benchmarks.spec.errors import UsageError
from tests.benchmarks.runs.plans import plan_for


class Recorded(SubmittingEngine):
    """Runs a cell when it is asked for the outcome; handles are numbers."""

    def __init__(self, room=2, lose=None, answer=None):
        self.free, self.lose, self.answer = room, dict(lose or {}), answer
        self.begun, self.waiting, self.most, self.stopped = [], {}, 0, None

    def room(self):
        return self.free

    def begin(self, task, cells):
        first = len(self.begun)
        self.begun += cells
        handles = list(range(first, len(self.begun)))
        self.waiting.update(zip(handles, cells, strict=True))
        self.most = max(self.most, len(self.waiting))
        return handles

    def finished(self, handles):
        return handles[-1:]

    def outcome(self, handle, cell):
        assert self.waiting.pop(handle) == cell
        if self.lose.get(cell.fold):
            self.lose[cell.fold] -= 1
            raise LostWorkerError("killed")
        return self.answer or f"fold {cell.fold}"

    def stop(self, handles):
        self.stopped = handles


@pytest.fixture
def cells(tiny_data):
    return plan_for(tiny_data, folds=range(5)).cells()


@pytest.fixture
def task(tmp_path):
    return CellTask(RunStore(tmp_path / "results", "run"), {})


def everything(cell):
    return True


def test_all_cells_are_run_with_as_many_in_flight_as_there_is_room(task, cells):
    engine = Recorded(room=2)
    told = list(engine.outcomes(task, cells, everything))
    assert sorted(told) == [f"fold {fold}" for fold in range(5)]
    assert engine.begun == cells
    assert engine.most == 2
    assert engine.stopped is None
    assert not list(task.store.folder.iterdir())


def test_a_cell_that_is_refused_is_left_out_and_asked_when_there_is_room(task, cells):
    asked = []

    def admit(cell):
        asked.append(cell.fold)
        return cell.fold != 3

    engine = Recorded(room=2)
    outcomes = engine.outcomes(task, cells, admit)
    next(outcomes)
    assert asked == [0, 1]
    assert len(list(outcomes)) == 3
    assert asked == [0, 1, 2, 3, 4]


def test_a_cell_whose_worker_is_lost_is_begun_anew(task, cells):
    engine = Recorded(lose={1: RETRIES, 2: 1})
    told = list(engine.outcomes(task, cells, everything))
    assert sorted(told) == [f"fold {fold}" for fold in range(5)]
    folds = [cell.fold for cell in engine.begun]
    assert [folds.count(fold) for fold in range(5)] == [1, 1 + RETRIES, 2, 1, 1]


def test_a_cell_that_loses_every_worker_fails_and_the_others_go_on(task, cells):
    engine = Recorded(lose={1: RETRIES + 1})
    told = list(engine.outcomes(task, cells, everything))
    (failure,) = (outcome for outcome in told if isinstance(outcome, CellFailure))
    assert failure == CellFailure(cells[1], "its worker was lost 4 times: killed")
    assert len(told) == 5


def test_closing_stops_what_is_in_flight(task, cells):
    engine = Recorded(room=3)
    with closing(engine.outcomes(task, cells, everything)) as outcomes:
        next(outcomes)
    assert engine.stopped == [0, 1]
    assert not list(task.store.folder.iterdir())


def test_an_interrupt_stops_what_is_in_flight(task, cells):
    engine = Recorded(room=3)

    def interrupt(handles):
        raise KeyboardInterrupt

    engine.finished = interrupt
    with pytest.raises(KeyboardInterrupt):
        list(engine.outcomes(task, cells, everything))
    assert engine.stopped == [0, 1, 2]


def test_a_folder_that_is_not_shared_ends_the_run_with_the_way_out(tiny_data, tmp_path):
    engine = Recorded(answer=NotShared("node-7"))
    plan = plan_for(tiny_data, folds=range(3))
    with pytest.raises(UsageError, match=r"on node-7 is not the one here; .* merge"):
        runner.run(plan, tmp_path / "results", 1, Console(file=io.StringIO()), engine=engine)
    assert engine.stopped == [0]
