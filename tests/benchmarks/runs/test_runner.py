import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock
from rich.console import Console

from benchmarks.records.store import RunStore, left_out
from benchmarks.runs import runner, worker
from benchmarks.runs.plan import make_plan
from benchmarks.runs.worker import run_cell
from benchmarks.spec.settings import make_settings
from benchmarks.tables.scores import run_results
from benchmarks.training.network_cell import cluster_numbers

ROOT = Path(__file__).parents[3]
OVERRIDES = {"epochs": 40, "num_layers": 1}


def plan_for(method, **changes):
    arguments = {
        "dataset": "TINY",
        "method": method,
        "protocol": "reference",
        "overrides": OVERRIDES,
        "folds": range(10),
        "seeds": [0],
        "splits": None,
        **changes,
    }
    return make_plan(**arguments)


def wait_for(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def children(process_id):
    listed = Path(f"/proc/{process_id}/task/{process_id}/children").read_text()
    return [int(child) for child in listed.split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_a_killed_run_goes_on_where_it_stopped(tiny_data, tmp_path):
    out = tmp_path / "results"
    command = [
        sys.executable, "-m", "benchmarks", "run", "--dataset", "TINY", "--method", tiny_data,
        "--protocol", "reference", "--jobs", "2", "--out", str(out),
    ]  # fmt: skip
    command += [part for key, value in OVERRIDES.items() for part in ("--set", f"{key}={value}")]
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    workers = []
    try:
        wait_for(lambda: process.poll() is not None or list(out.glob("*/cells/*.json")))
        workers = children(process.pid)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        wait_for(lambda: not any(Path(f"/proc/{worker}/exe").exists() for worker in workers), 30)
    finally:
        for worker in [process.pid, *workers]:
            if Path(f"/proc/{worker}/exe").exists():
                os.kill(worker, signal.SIGKILL)
    (folder,) = out.iterdir()
    finished = {cell: cell.stat().st_mtime_ns for cell in folder.glob("cells/*.json")}
    assert 0 < len(finished) < 10
    (folder / "cells" / ".configuration-0_fold-09_seed-0.json.1.tmp").write_text('{"fold"')

    plan = plan_for(tiny_data)
    assert plan.run_id == folder.name
    assert runner.run(plan, out, 1, Console(quiet=True)) == 0
    cells = sorted(folder.glob("cells/*.json"))
    cells = [cell for cell in cells if not cell.name.startswith(".")]
    assert [json.loads(cell.read_text())["fold"] for cell in cells] == list(range(10))
    assert {cell: cell.stat().st_mtime_ns for cell in finished} == finished


def test_the_same_cell_gives_the_same_result(tiny_data):
    (cell,) = plan_for(tiny_data, folds=[3], overrides={"epochs": 3}).cells()
    first, second = run_cell(cell), run_cell(cell)
    for result in (first, second):
        del result.record["seconds"]
    assert first.record == second.record
    assert first.record["curves"]["train_loss"]


def test_the_run_id_follows_the_configuration_the_splits_and_the_model(tiny_data, tmp_path):
    plan = plan_for(tiny_data)
    assert plan_for(tiny_data, folds=[1], seeds=[4]).run_id == plan.run_id
    assert plan_for(tiny_data, overrides={"epochs": 41}).run_id != plan.run_id
    assert plan_for(tiny_data, protocol="fair").run_id != plan.run_id
    every = list(range(40))
    folds = [
        {
            "test": every[4 * fold : 4 * fold + 4],
            "model_selection": [
                {
                    "validation": [(4 * fold + 4) % 40],
                    "train": [
                        graph
                        for graph in every
                        if graph // 4 != fold and graph != (4 * fold + 4) % 40
                    ],
                }
            ],
        }
        for fold in range(10)
    ]
    splits = tmp_path / "splits.json"
    splits.write_text(json.dumps(folds))
    assert plan_for(tiny_data, splits=splits).run_id != plan.run_id
    source = tmp_path / "tiny_model.py"
    source.write_text(source.read_text() + "\n# edited\n")
    assert plan_for(tiny_data).run_id != plan.run_id


def test_clusters_come_from_the_training_graphs_and_the_cap():
    import torch

    sizes = torch.tensor([30, 7, 126])
    tenth = make_settings({"num_pools": 1, "cluster_ratio": 0.1})
    assert cluster_numbers(sizes, tenth) == [13]
    assert cluster_numbers(sizes[:2], tenth) == [3]
    quarter = make_settings({"num_pools": 2, "cluster_ratio": 0.25})
    assert cluster_numbers(sizes, quarter) == [32, 8]
    capped = make_settings({"num_pools": 3, "cluster_ratio": 0.25, "max_clusters": 20})
    assert cluster_numbers(sizes, capped) == [20, 5, 2]
    assert cluster_numbers(sizes, make_settings({"num_pools": 0})) == []


def test_a_training_that_diverges_fails_its_cell_once_and_says_so(tiny_data, tmp_path):
    plan = plan_for("graphsage", overrides={"epochs": 2, "learning_rate": 1e30}, folds=[0, 1])
    console = Console(file=io.StringIO(), width=500)
    assert runner.run(plan, tmp_path, 1, console) == 2 * len(plan.configurations)
    told = console.file.getvalue()
    assert "the training loss is " in told or "not finite" in told
    assert "to train it again, delete " in told
    console = Console(file=io.StringIO(), width=500)
    assert runner.run(plan, tmp_path, 1, console) == 2 * len(plan.configurations)
    assert "cells have failed before" in console.file.getvalue()
    assert run_results(tmp_path, None) == []
    assert len(left_out(tmp_path)) == 2 * len(plan.configurations)


def test_two_runners_train_no_cell_twice(tiny_data, tmp_path, monkeypatch):
    plan = plan_for("graphsage", overrides={"epochs": 1}, folds=[0])
    (cell, *_) = plan.cells()
    store = RunStore(tmp_path, plan.run_id)
    number = cell.configuration, cell.fold, cell.seed
    lock = FileLock(store.claim_path(*number))
    with lock:
        (line,) = worker.outcomes([cell], store, {}, 1)
    assert line.endswith("another runner is at it")
    assert not store.has(*number)
    (line,) = worker.outcomes([cell], store, {}, 1)
    assert store.has(*number)
    assert not (store.folder / ".claims").exists()
    monkeypatch.setattr(worker, "run_cell", lambda *arguments: pytest.fail("trained again"))
    (line,) = worker.outcomes([cell], store, {}, 1)
    assert line.endswith("another runner has made it")
