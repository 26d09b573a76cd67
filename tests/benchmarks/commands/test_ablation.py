import json

import pytest

from benchmarks.commands.ablation import ladder_lines
from benchmarks.spec.ladder import LADDER
from tests.benchmarks.command_line import invoke
from tests.benchmarks.stored import fake_training


def ablation(out, *more):
    return invoke(
        "ablation", "--dataset", "TINY", "--folds", "0,1", "--jobs", "1", "--out", out, *more
    )


@pytest.mark.usefixtures("tiny_data")
def test_trains_every_rung_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    out = tmp_path / "results"

    def interrupt(cell):
        if len(begun) == 4:
            raise KeyboardInterrupt

    begun = fake_training(monkeypatch, interrupt)
    stopped = ablation(out)
    assert stopped.exit_code == 130
    assert "the same command resumes" in stopped.stderr
    done = ablation(out, "--format", "json")
    assert done.exit_code == 0, done.stderr
    lines = json.loads(done.stdout)
    assert [line["change"] for line in lines] == [rung.label for rung in LADDER]
    assert all(line["folds"] == "0-1" for line in lines)
    # One cell was begun twice.
    assert len(begun) == 2 * len(LADDER) + 1
    assert [cell.settings.preset for cell in begun] == ["paper"] * len(begun)
    again = ablation(out, "--only-table", "--format", "json")
    assert json.loads(again.stdout) == lines
    assert len(begun) == 2 * len(LADDER) + 1


def test_gains_are_those_over_the_line_above_on_the_same_folds():
    row = {"mean": 40.0, "std": 2.0, "folds": "0-4", "seeds": "0"}
    rows = {"a": row, "b": row | {"mean": 45.5}, "d": row, "e": row | {"folds": "0-2"}}
    run_ids = ["a", "b", "c", "d", "e", *["c"] * (len(LADDER) - 5)]
    lines = ladder_lines(rows, run_ids)
    assert [line["gain"] for line in lines[:5]] == ["–", "+5.50", "–", "–", "–"]
    assert [line["accuracy %"] for line in lines[:3]] == ["40.00 ± 2.00", "45.50 ± 2.00", "–"]
    assert [line["run"] for line in lines[:5]] == ["a", "b", "–", "d", "e"]
