import json

import pytest
import typer

from benchmarks.epoch import bench as epoch_bench
from benchmarks.epoch import data as epoch_data
from benchmarks.epoch.bench import epoch, fold_modes
from benchmarks.epoch.contenders import OURS, PYG, TGP
from benchmarks.epoch.networks import TGP_INSTALLED
from benchmarks.errors import UsageError
from benchmarks.limited_process import OUT_OF_MEMORY, Outcome


def run(out, *names, **changes):
    options = {
        "rounds": 2, "batch_size": 10, "hidden": 4, "epochs": 1, "jobs": 1, "share": "one",
        "device": "cpu", "format_": "json", "out": out,
    }  # fmt: skip
    return epoch(list(names), **{**options, **changes})


def test_rows_are_stored_and_a_stopped_run_resumes(tiny_data, tmp_path, capsys, monkeypatch):
    out = tmp_path / "results"

    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(epoch_bench, "run_folds", interrupt)
        with pytest.raises(typer.Exit):
            run(out, "TINY")
    (path,) = out.iterdir()
    assert f"--resume {path}" in capsys.readouterr().err
    before = path.read_text()
    # What is finished is not measured again.
    with monkeypatch.context() as patch:
        patch.setattr(epoch_bench, "take_turns", interrupt)
        rows = run(out, "TINY", resume=path)
    assert path.read_text().startswith(before)
    assert [json.loads(line) for line in path.read_text().splitlines()] == rows
    assert json.loads(capsys.readouterr().out) == rows
    *epochs, folds = rows
    assert [row["contender"] for row in epochs][:2] == [OURS, PYG]
    assert {row["contender"] for row in epochs} == {OURS, PYG, *TGP}
    for row in epochs if TGP_INSTALLED else epochs[:2]:
        assert (row["graphs"], row["dropped"], row["steps"]) == (40, 0, 4)
        assert 0 < row["quartile_1_s"] <= row["median_s"] <= row["quartile_3_s"]
    assert (folds["mode"], folds["graphs"], folds["contender"]) == ("one", 360, OURS)
    assert str(tmp_path) not in path.read_text()
    with pytest.raises(UsageError, match="other settings"):
        run(out, "TINY", rounds=3, resume=path)


def test_pyg_on_huge_graphs_runs_in_its_own_limited_process(tiny_data, tmp_path, monkeypatch):
    asked = []

    def limited(function, arguments, memory_gib, seconds):
        asked.append((arguments[:2], memory_gib, seconds))
        return Outcome(None, OUT_OF_MEMORY)

    monkeypatch.setattr(epoch_data, "HUGE_NODES", 5)
    monkeypatch.setattr(epoch_bench, "run_limited", limited)
    rows = run(tmp_path, "TINY", epochs=0, memory_gib=3.0, limit=20.0)
    assert asked == [((PYG, "TINY"), 3.0, 20.0)]
    notes = {row["contender"]: row.get("note") for row in rows}
    assert notes[PYG] == OUT_OF_MEMORY
    assert notes[OURS] is None


def test_absent_data_are_skipped_aloud(tmp_path, capsys, monkeypatch):
    def absent(name):
        raise FileNotFoundError("nowhere")

    monkeypatch.setattr(epoch_bench, "load_epoch_data", absent)
    assert run(tmp_path, "DD") == []
    assert "DD: skipped, its data are not there (nowhere)" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    with pytest.raises(UsageError, match="did you mean 'ENZYMES'"):
        run(tmp_path, "ENZYME")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_": "jsn"}, "unknown format 'jsn'"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"share": "process"}, "did you mean 'processes'"),
        ({"share": "streams"}, "--share streams: expected a CUDA device"),
    ],
)
def test_bad_options_are_errors(tmp_path, changes, message):
    with pytest.raises(UsageError, match=message):
        run(tmp_path, "ENZYMES", **changes)


def test_one_by_one_is_always_measured():
    assert fold_modes("auto", "cpu") == ["one", "processes"]
    assert fold_modes("one", "cuda") == ["one"]
    assert fold_modes("streams", "cuda") == ["one", "streams"]
    assert fold_modes("auto", "cuda") == ["one", "processes", "streams"]
