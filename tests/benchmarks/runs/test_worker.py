import pytest
from filelock import FileLock

from benchmarks.records.store import RunStore
from benchmarks.runs import worker
from benchmarks.runs.worker import CellTask, run_cell, summary
from tests.benchmarks.runs.plans import plan_for
from tests.benchmarks.stored import record_of


def test_the_same_cell_gives_the_same_result(tiny_data):
    (cell,) = plan_for(tiny_data, folds=[3], overrides={"epochs": 3}).cells()
    first, second = run_cell(cell), run_cell(cell)
    for result in (first, second):
        del result.record["seconds"]
    assert first.record == second.record
    assert first.record["curves"]["train_loss"]


def test_two_runners_train_no_cell_twice(tiny_data, tmp_path, monkeypatch):
    plan = plan_for("graphsage", overrides={"epochs": 1}, folds=[0])
    (cell, *_) = plan.cells()
    store = RunStore(tmp_path, plan.run_id)
    number = cell.configuration, cell.fold, cell.seed
    lock = FileLock(store.claim_path(*number))
    with lock:
        line = CellTask(store, {})(cell)
    assert line.endswith("another runner is at it")
    assert not store.has(*number)
    line = CellTask(store, {})(cell)
    assert store.has(*number)
    assert not (store.folder / ".claims").exists()
    monkeypatch.setattr(worker, "run_cell", lambda *arguments: pytest.fail("trained again"))
    line = CellTask(store, {})(cell)
    assert line.endswith("another runner has made it")


def test_what_raises_is_told_with_its_traceback_and_may_be_tried_again(
    tiny_data, tmp_path, monkeypatch
):
    plan = plan_for("graphsage", overrides={"epochs": 1}, folds=[0])
    store = RunStore(tmp_path, plan.run_id)

    def fail(cell, log=None):
        raise ZeroDivisionError("so it is")

    monkeypatch.setattr(worker, "run_cell", fail)
    failure = CellTask(store, {})(plan.cells()[0])
    assert failure.cell == plan.cells()[0]
    assert "ZeroDivisionError: so it is" in failure.text
    assert not failure.is_final
    assert not store.has_failed(0, 0, 0)


def test_a_line_tells_a_cell_and_its_scores(tiny_data):
    cell = plan_for("graphsage", folds=[3], seeds=[2]).cells()[0]
    assert summary(cell) == "configuration 0, fold 3, seed 2"
    record = record_of("TINY", "graphsage", "fair", 3, accuracy=0.625, seconds=12.4)
    assert summary(cell, record) == (
        "configuration 0, fold 3, seed 2: validation 62.5 %, test 62.5 %, epoch 1 of 1, 12 s"
    )
    record = {**record, "metric": "rocauc", "validation_rocauc": 0.5, "test_rocauc": None}
    assert summary(cell, record) == (
        "configuration 0, fold 3, seed 2: rocauc validation 50.0 %, epoch 1 of 1, 12 s"
    )
