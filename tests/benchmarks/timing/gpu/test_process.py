"""Works of a part are run, stored and started again behind one that kills its process."""

import time

import pytest

from benchmarks.timing.gpu import process
from benchmarks.timing.gpu.part import FAILED
from benchmarks.timing.gpu.process import crash_row, latest, run_part, run_part_alone, unfinished
from benchmarks.timing.gpu.run import failures
from benchmarks.timing.gpu.table import note_lines
from benchmarks.timing.limited_process import OUT_OF_MEMORY, OVER_TIME
from tests.benchmarks.timing.gpu.parts import PARTS, by_part, new_lines, setting, stored


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


def test_works_that_gave_nothing_are_done_again():
    skipped, crash = {"kind": "skipped"}, {"kind": "crash"}
    assert unfinished([skipped, crash])
    assert not unfinished([crash, {"kind": "figure"}])


def test_lack_of_memory_is_no_failure():
    assert crash_row("ValueError: no") == {
        "kind": "crash", "note": "ValueError: no", "detail": [], "verdict": FAILED,
    }  # fmt: skip
    assert crash_row(f"{OUT_OF_MEMORY} (1 GiB)", ["a.py:1 f"])["verdict"] == ""


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("good", ["part: one: done", "part: two: done"]),
        (
            "raising",
            [
                "part: before: done",
                "part: fails: 1 of 1 FAILED, ValueError: no such luck",
                f"part: too large: {OUT_OF_MEMORY}",
                "part: after: done",
            ],
        ),
        ("broken", ["part: start: 1 of 1 FAILED, ImportError: no module for this"]),
    ],
)
def test_each_work_is_told_as_it_begins_and_ends(part, told, tmp_path, capsys):
    begun = []
    lines = new_lines(tmp_path)
    assert run_part("part", f"{PARTS}:{part}_part", setting(), lines, (), begun.append)
    ended = capsys.readouterr().err.splitlines()
    assert [line.rpartition(" (")[0] for line in ended] == told
    works = [row["part"] for row in lines.rows]
    assert begun == ["part: start", *works]
    assert all(row["work_seconds"] >= 0 for row in lines.rows)


def test_labels_that_are_finished_are_skipped_and_none_begins_late(tmp_path):
    lines = new_lines(tmp_path)
    assert run_part("part", f"{PARTS}:good_part", setting(seconds=-1), lines, {"part: one"})
    assert [(row["part"], row["kind"]) for row in lines.rows] == [("part: two", "skipped")]
    assert note_lines(lines.rows)[0]["what happened"] == "no time was left"


def test_a_device_that_cannot_be_used_any_more_ends_the_process(tmp_path, monkeypatch):
    def broken(device):
        raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr(process, "free_memory", broken)
    lines = new_lines(tmp_path)
    assert not run_part("part", f"{PARTS}:good_part", setting(), lines)
    assert [row["part"] for row in lines.rows] == ["part: one"]
