"""Parts of ``python -m benchmarks gpu`` are run, stored, resumed and started again."""

from pathlib import Path

import pytest

from benchmarks.spec.errors import UsageError
from benchmarks.timing.gpu import run as gpu_run
from benchmarks.timing.gpu.process import latest
from benchmarks.timing.gpu.run import Plan, chosen_parts, failures, run_parts
from benchmarks.timing.limited_process import OUT_OF_MEMORY
from tests.benchmarks.timing.gpu.parts import by_part, new_lines, stored


class Silent:
    def print(self, *texts, **options):
        pass


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


def test_unknown_parts_are_errors():
    assert chosen_parts(["epoch", "coarsen"]) == ["coarsen", "epoch"]
    assert chosen_parts(None)[0] == "correctness"
    with pytest.raises(UsageError, match="did you mean 'coarsen'"):
        chosen_parts(["coarse"])
