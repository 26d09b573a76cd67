import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.records.store import left_out
from benchmarks.runs import runner
from benchmarks.tables.scores import run_results
from tests.benchmarks.runs.plans import OVERRIDES, plan_for

ROOT = Path(__file__).parents[3]


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
