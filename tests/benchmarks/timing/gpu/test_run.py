"""Parts of ``python -m benchmarks gpu`` are run, stored, resumed and started again."""

import json
import time
from pathlib import Path

import pytest

from benchmarks.spec.errors import UsageError
from benchmarks.timing.gpu import run as gpu_run
from benchmarks.timing.gpu.part import FAILED
from benchmarks.timing.gpu.process import latest, run_part, run_part_alone
from benchmarks.timing.gpu.run import GpuRun, PartEntry, chosen_parts, failures
from benchmarks.timing.gpu.table import note_lines
from benchmarks.timing.limited_process import OUT_OF_MEMORY, OVER_TIME
from tests.benchmarks.timing.gpu.parts import setting

PARTS = "tests.benchmarks.timing.gpu.parts"


class Silent:
    def print(self, *texts, **options):
        pass


def stored(run):
    return [json.loads(line) for line in run.path.read_text().splitlines()]


def by_part(rows):
    return {row["part"]: row for row in rows}


def test_parts_are_stored_as_they_finish_and_a_failing_one_loses_nothing(tmp_path, gpu_parts):
    names = gpu_parts("good", "raising", "broken")
    run = GpuRun("cpu", True, 0.0, 0, tmp_path)
    seen = []

    class Watching(Silent):
        def print(self, text, **options):
            seen.append((text.partition(":")[0], len(stored(run))))

    run.parts(names, Watching())
    assert seen == [("good", 1), ("raising", 3), ("broken", 7)]
    rows = by_part(run.rows)
    assert rows["good: two"]["value"] == 2
    assert rows["raising: after"]["value"] == 2
    assert rows["raising: fails"]["note"] == "ValueError: no such luck"
    assert rows["raising: fails"]["detail"][-1].startswith("parts.py:")
    # Lack of memory is a result, not a failure.
    assert rows["raising: too large"]["note"] == OUT_OF_MEMORY
    assert failures(run.rows) == ["broken: start", "raising: fails"]
    for row in stored(run):
        assert {"commit", "packages", "machine", "seed", "config"} <= set(row)
    assert str(Path(__file__).parent) not in run.path.read_text()


def test_resuming_repeats_only_what_failed_or_had_no_time(tmp_path, gpu_parts, monkeypatch):
    names = gpu_parts("raising", "good")
    run = GpuRun("cpu", True, 0.0, 0, tmp_path)
    run.parts(names[:1], Silent())
    monkeypatch.setattr(gpu_run, "QUICK_TOTAL_SECONDS", -1.0)
    run.parts(names[1:], Silent())
    assert by_part(run.rows)["good: one"]["kind"] == "skipped"
    monkeypatch.undo()
    entries = {name: PartEntry(f"{PARTS}:good_part", 60, 60) for name in names}
    monkeypatch.setattr(gpu_run, "PARTS", entries)
    before = len(stored(run))
    again = GpuRun("cpu", True, 0.0, 0, tmp_path, resume=run.path)
    assert again.finished == {"machine", "raising: before", "raising: after"}
    again.parts(["good"], Silent())
    assert len(stored(again)) == before + 2
    assert by_part(again.rows)["good: one"]["value"] == 1
    with pytest.raises(UsageError, match="other settings"):
        GpuRun("cpu", False, 0.0, 0, tmp_path, resume=run.path)


def test_a_process_that_dies_is_started_again_behind_what_killed_it(tmp_path):
    run = GpuRun("cpu", True, 0.0, 0, tmp_path)
    address = f"{PARTS}:dying_part"
    run_part_alone("part", address, setting(seconds=300), run.lines, (), time.time() + 300)
    rows = by_part(run.rows)
    assert rows["part: before"]["value"] == 1
    assert rows["part: dies"]["note"] == "failed: its process ended with 7"
    assert rows["part: after"]["value"] == 2
    assert failures(run.rows) == ["part: dies"]


def test_a_process_that_hangs_is_given_up(tmp_path):
    run = GpuRun("cpu", True, 0.0, 0, tmp_path)
    run_part_alone("part", f"{PARTS}:sleeping_part", setting(), run.lines, (), time.time())
    rows = by_part(run.rows)
    assert rows["part: sleeps"]["note"] == OVER_TIME
    assert failures(run.rows) == ["part: sleeps"]


def test_a_work_without_its_data_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", str(tmp_path))
    monkeypatch.setenv("PYG_DIFFPOOL_CACHE", str(tmp_path / "cache"))
    run = GpuRun("cpu", True, 0.0, 0, tmp_path / "out")
    assert run_part("part", f"{PARTS}:part_without_data", setting(), run.lines)
    row = by_part(run.rows)["part: absent"]
    assert (row["kind"], row["note"]) == ("skipped", "its data are not there")
    assert note_lines([row])[0]["what happened"] == "its data are not there"
    assert failures([row]) == []


def test_a_later_success_replaces_a_failure():
    crash = {"part": "a", "kind": "crash", "verdict": FAILED}
    figure = {"part": "a", "kind": "figure"}
    assert latest([crash, crash, {"part": "b", "kind": "figure"}, figure])[1:] == [figure]
    assert latest([crash, crash]) == [crash]


def test_unknown_parts_are_errors():
    assert chosen_parts(["epoch", "coarsen"]) == ["coarsen", "epoch"]
    assert chosen_parts(None)[0] == "correctness"
    with pytest.raises(UsageError, match="did you mean 'coarsen'"):
        chosen_parts(["coarse"])
