import json

import pytest
import typer

from benchmarks.commands import epoch as command
from benchmarks.spec.errors import UsageError
from benchmarks.timing import epoch as timed_epoch
from benchmarks.timing import epoch_data, folds
from benchmarks.timing import starts as timed_starts
from benchmarks.timing.limited_process import OUT_OF_MEMORY, Outcome
from benchmarks.timing.rivals import PYG, TGP, TGP_INSTALLED
from benchmarks.timing.trainees import OURS, OURS_LIKE_TGP
from tests.benchmarks.serving import serving


def run(out, *names, **changes):
    options = {
        "rounds": 2, "batch_size": 10, "hidden": 4, "epochs": 1, "jobs": 1, "share": "one",
        "device": "cpu", "format_": "json", "out": out,
    }  # fmt: skip
    return command.epoch(list(names), **{**options, **changes})


def test_rows_are_stored_and_a_stopped_run_resumes(tiny_data, tmp_path, capsys, monkeypatch):
    out = tmp_path / "results"

    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(folds, "run_folds", interrupt)
        with pytest.raises(typer.Exit):
            run(out, "TINY")
    (path,) = out.iterdir()
    assert f"--resume {path}" in capsys.readouterr().err
    before = path.read_text()
    # What is finished is not measured again.
    with monkeypatch.context() as patch:
        patch.setattr(timed_epoch, "train_in_turns", interrupt)
        rows = run(out, "TINY", resume=path)
    assert path.read_text().startswith(before)
    assert [json.loads(line) for line in path.read_text().splitlines()] == rows
    assert json.loads(capsys.readouterr().out) == rows
    *epochs, all_folds = rows
    assert [row["contender"] for row in epochs][:3] == [OURS, OURS_LIKE_TGP, PYG]
    assert {row["contender"] for row in epochs} == {OURS, OURS_LIKE_TGP, PYG, *TGP}
    for row in epochs if TGP_INSTALLED else epochs[:3]:
        assert (row["graphs"], row["dropped"], row["steps"]) == (40, 0, 4)
        assert 0 < row["quartile_1_s"] <= row["median_s"] <= row["quartile_3_s"]
    assert (all_folds["mode"], all_folds["graphs"], all_folds["contender"]) == ("one", 360, OURS)
    assert str(tmp_path) not in path.read_text()
    with pytest.raises(UsageError, match="other settings"):
        run(out, "TINY", rounds=3, resume=path)


def test_pyg_on_huge_graphs_runs_in_its_own_limited_process(tiny_data, tmp_path, monkeypatch):
    asked = []

    def limited(function, arguments, memory_gib, seconds):
        asked.append((arguments[:2], memory_gib, seconds))
        return Outcome(None, OUT_OF_MEMORY)

    monkeypatch.setattr(epoch_data, "HUGE_NODES", 5)
    monkeypatch.setattr(timed_epoch, "run_limited", limited)
    rows = run(tmp_path, "TINY", epochs=0, memory_gib=3.0, limit=20.0)
    assert asked == [((PYG, "TINY"), 3.0, 20.0)]
    notes = {row["contender"]: row.get("note") for row in rows}
    assert notes[PYG] == OUT_OF_MEMORY
    assert notes[OURS] is None


def test_a_profile_has_rows_of_operators_loops_and_functions(tiny_data, tmp_path, capsys):
    rows = run(tmp_path / "results", "TINY", profile=True, format_="markdown")
    (path,) = (tmp_path / "results").iterdir()
    assert path.name.startswith("profile-2")
    assert [json.loads(line) for line in path.read_text().splitlines()] == rows
    parts = dict.fromkeys(row["part"] for row in rows)
    assert list(parts) == ["TINY operators", "TINY loop", "TINY functions"]
    assert {row["pass"] for row in rows if row["kind"] == "operators"} == {"training", "evaluation"}
    printed = capsys.readouterr().out
    for title in (
        "Operators of a training step",
        "Operators of an evaluation",
        "The training loop",
        "Python functions around a training step",
    ):
        assert f"{title}\n" in printed


def test_starts_have_a_row_each(tiny_data, tmp_path, capsys, monkeypatch):
    def limited(function, arguments, memory_gib, seconds, hear):
        hear("")
        return Outcome({"first_step_s": 1.0, "later_step_ms": 2.0, "compilations": 1}, None)

    monkeypatch.setattr(timed_starts, "run_limited", limited)
    rows = run(tmp_path / "results", "TINY", starts=True, format_="markdown")
    (path,) = (tmp_path / "results").iterdir()
    assert path.name.startswith("starts-2")
    assert [row["contender"] for row in rows] == 2 * list(timed_starts.STARTS)
    assert "Starts\n" in capsys.readouterr().out


def test_absent_data_are_skipped_aloud(tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    with serving(tmp_path, monkeypatch):
        assert run(out, "DD") == []
        told = " ".join(capsys.readouterr().err.split())
        assert "DD: skipped, its data are not there (data set 'DD' could not be read" in told
        assert not list(out.glob("*"))
        with pytest.raises(UsageError, match="did you mean 'ENZYMES'"):
            run(out, "ENZYME")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_": "jsn"}, "unknown format 'jsn'"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"share": "process"}, "did you mean 'processes'"),
        ({"share": "streams"}, "--share streams: expected a CUDA device"),
        ({"profile": True, "starts": True}, "--profile, --starts: expected one of them at most"),
    ],
)
def test_bad_options_are_errors(tmp_path, changes, message):
    with pytest.raises(UsageError, match=message):
        run(tmp_path, "ENZYMES", **changes)
