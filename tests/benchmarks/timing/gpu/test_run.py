"""Parts of ``python -m benchmarks gpu`` are run, stored, resumed and started again."""

import json
import time
from pathlib import Path

import pytest

from benchmarks.records.rows import ResultLines
from benchmarks.spec.errors import UsageError
from benchmarks.timing.gpu import run as gpu_run
from benchmarks.timing.gpu.part import FAILED
from benchmarks.timing.gpu.process import latest, run_part, run_part_alone
from benchmarks.timing.gpu.run import Plan, chosen_parts, failures, run_parts
from benchmarks.timing.gpu.table import note_lines
from benchmarks.timing.limited_process import OUT_OF_MEMORY, OVER_TIME
from tests.benchmarks.timing.gpu.parts import setting

PARTS = "tests.benchmarks.timing.gpu.parts"


class Silent:
    def print(self, *texts, **options):
        pass


def new_lines(folder, resume=None):
    return ResultLines(folder, {"quick": True}, 0, resume)


def stored(lines):
    return [json.loads(line) for line in lines.path.read_text().splitlines()]


def by_part(rows):
    return {row["part"]: row for row in rows}


def test_parts_are_stored_as_they_finish_and_a_failing_one_loses_nothing(tmp_path, gpu_parts):
    names = gpu_parts("good", "raising", "broken")
    lines = new_lines(tmp_path)
    seen = []

    class Watching(Silent):
        def print(self, text, **options):
            seen.append((text.partition(":")[0], len(stored(lines))))

    run_parts(names, lines, Plan("cpu"), Watching())
    assert seen == [("good", 1), ("raising", 3), ("broken", 7)]
    rows = by_part(stored(lines))
    assert rows["good: two"]["value"] == 2
    assert rows["raising: after"]["value"] == 2
    assert rows["raising: fails"]["note"] == "ValueError: no such luck"
    assert rows["raising: fails"]["detail"][-1].startswith("parts.py:")
    # Lack of memory is a result, not a failure.
    assert rows["raising: too large"]["note"] == OUT_OF_MEMORY
    assert failures(stored(lines)) == ["broken: start", "raising: fails"]
    for row in stored(lines):
        assert {"commit", "packages", "machine", "seed", "config"} <= set(row)
    assert str(Path(__file__).parent) not in lines.path.read_text()


def test_resuming_repeats_only_what_failed_or_had_no_time(tmp_path, gpu_parts, monkeypatch):
    names = gpu_parts("raising", "good")
    lines = new_lines(tmp_path)
    run_parts(names[:1], lines, Plan("cpu"), Silent())
    monkeypatch.setattr(gpu_run, "QUICK_TOTAL_SECONDS", -1.0)
    run_parts(names[1:], lines, Plan("cpu"), Silent())
    assert by_part(stored(lines))["good: one"]["kind"] == "skipped"
    monkeypatch.undo()
    gpu_parts(*names)
    before = len(stored(lines))
    again = new_lines(tmp_path, resume=lines.path)
    run_parts(names, again, Plan("cpu"), Silent())
    redone = [row["part"] for row in stored(again)[before:]]
    assert redone == ["raising: fails", "raising: too large", "good: one", "good: two"]
    assert by_part(latest(stored(again)))["good: one"]["value"] == 1


def test_a_process_that_dies_is_started_again_behind_what_killed_it(tmp_path):
    lines = new_lines(tmp_path)
    lines.add("machine", [{"kind": "machine"}])
    address = f"{PARTS}:dying_part"
    run_part_alone("part", address, setting(seconds=300), lines, (), time.time() + 300)
    rows = by_part(stored(lines))
    assert rows["part: before"]["value"] == 1
    assert rows["part: dies"]["note"] == "failed: its process ended with 7"
    assert rows["part: after"]["value"] == 2
    assert failures(stored(lines)) == ["part: dies"]


def test_a_process_that_hangs_is_given_up(tmp_path):
    lines = new_lines(tmp_path)
    run_part_alone("part", f"{PARTS}:sleeping_part", setting(), lines, (), time.time())
    rows = by_part(stored(lines))
    assert rows["part: sleeps"]["note"] == OVER_TIME
    assert failures(stored(lines)) == ["part: sleeps"]


def test_a_work_without_its_data_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", str(tmp_path))
    monkeypatch.setenv("PYG_DIFFPOOL_CACHE", str(tmp_path / "cache"))
    lines = new_lines(tmp_path / "out")
    assert run_part("part", f"{PARTS}:part_without_data", setting(), lines)
    row = by_part(lines.rows)["part: absent"]
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
