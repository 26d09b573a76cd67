import os
from dataclasses import replace

import pytest

from benchmarks.records.store import RunStore
from benchmarks.runs import elsewhere as module
from benchmarks.runs.elsewhere import NotShared, elsewhere
from benchmarks.runs.worker import CellTask
from tests.benchmarks.runs.plans import plan_for


@pytest.fixture
def cell(tiny_data):
    return plan_for(tiny_data, folds=[0], overrides={"epochs": 1}).cells()[0]


def test_a_cell_elsewhere_leaves_what_it_leaves_here(cell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = CellTask(RunStore(tmp_path / "here", "run"), module.code_version())
    there = CellTask(RunStore(tmp_path.relative_to(tmp_path) / "there", "run"), {})
    here(cell)
    with elsewhere(there) as task:
        (tmp_path / "other").mkdir()
        monkeypatch.chdir(tmp_path / "other")
        assert "validation" in task(cell)
    records = [RunStore(tmp_path / name, "run").cells() for name in ("here", "there")]
    for (record,) in records:
        del record["seconds"]
    assert records[0] == records[1]
    assert not (tmp_path / "there" / "run" / ".claims").exists()


def test_nothing_is_trained_where_the_folder_is_another(cell, tmp_path, monkeypatch):
    with elsewhere(CellTask(RunStore(tmp_path / "here", "run"), {})) as task:
        on_another_disk = replace(task, token=tmp_path / "away" / task.token.name)
        monkeypatch.setattr(CellTask, "__call__", lambda *arguments: pytest.fail("trained"))
        assert isinstance(on_another_disk(cell), NotShared)


def test_workers_find_the_runners_data(cell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(module.DATA_VARIABLE, "data")
    monkeypatch.setenv(module.CACHE_VARIABLE, "")
    with elsewhere(CellTask(RunStore(tmp_path / "here", "run"), {})) as task:
        assert task.environment == {module.DATA_VARIABLE: str(tmp_path / "data")}
    monkeypatch.setenv(module.DATA_VARIABLE, "https://example.org/data")
    with elsewhere(CellTask(RunStore(tmp_path / "here", "run"), {})) as task:
        assert task.environment == {module.DATA_VARIABLE: "https://example.org/data"}
        monkeypatch.delenv(module.DATA_VARIABLE)
        monkeypatch.setattr(CellTask, "__call__", lambda *arguments: "done")
        task(cell)
        assert os.environ[module.DATA_VARIABLE] == "https://example.org/data"


def test_a_record_names_the_machine_where_it_is_another(cell, tmp_path):
    with elsewhere(CellTask(RunStore(tmp_path / "results", "run"), {})) as task:
        replace(task, machine={"cpu": "another"})(cell)
    (record,) = RunStore(tmp_path / "results", "run").cells()
    assert record["machine"] == module.machine()
