import json

import pytest

from tests.benchmarks.command_line import invoke
from tests.benchmarks.stored import fake_training


def paper(*arguments):
    return invoke("paper", *arguments)


def tiny(method, out, *more):
    return (
        "--datasets", "TINY", "--methods", method, "--folds", "0-3", "--jobs", "1",
        "--device", "cpu", "--out", out, *more,
    )  # fmt: skip


def test_an_interrupted_table_goes_on_where_it_stopped(tiny_data, tmp_path, monkeypatch):
    out = tmp_path / "results"

    def interrupt(cell):
        if cell.fold == 2 and len(begun) == 3:
            raise KeyboardInterrupt

    begun = fake_training(monkeypatch, interrupt)
    stopped = paper(*tiny(tiny_data, out))
    assert stopped.exit_code == 130
    assert "the same command resumes" in stopped.stderr
    cells = {path: path.stat().st_mtime_ns for path in out.glob("*/cells/*.json")}
    assert len(cells) == 2
    done = paper(*tiny(tiny_data, out, "--format", "json"))
    assert done.exit_code == 0, done.stderr
    assert "2 of 4 cells are missing" in done.stderr
    assert [cell.fold for cell in begun] == [0, 1, 2, 2, 3]
    assert {path: path.stat().st_mtime_ns for path in cells} == cells
    (row,) = json.loads(done.stdout)["rows"]
    assert row["cells"]["TINY"]["ours"]["folds"] == "0-3"


def test_a_dry_run_trains_nothing(tiny_data, tmp_path, monkeypatch):
    begun = fake_training(monkeypatch)
    shown = paper(*tiny(tiny_data, tmp_path / "results", "--dry-run"))
    assert shown.exit_code == 0, shown.stderr
    assert "4 of 4 cells are missing" in shown.stderr
    assert "own stratified folds: TINY" in shown.stderr
    assert "Table 1, protocol fair" in shown.stdout
    assert begun == []
    assert not (tmp_path / "results").exists()


def test_data_that_are_not_found_are_told_and_no_failure(tiny_data, tmp_path, monkeypatch):
    fake_training(monkeypatch)
    names = ("--datasets", "TINY,REDDIT-MULTI-12K")
    done = paper(*tiny(tiny_data, tmp_path / "results", *names))
    assert done.exit_code == 0, done.stderr
    assert "REDDIT-MULTI-12K: data not found" in done.stderr
    assert "data not found" in done.stdout
    assert len(list((tmp_path / "results").glob("*/cells/*.json"))) == 4


def test_a_failed_cell_is_exit_code_1(tiny_data, tmp_path, monkeypatch):
    def fail(cell):
        raise RuntimeError("no luck")

    fake_training(monkeypatch, fail)
    failed = paper(*tiny(tiny_data, tmp_path / "results"))
    assert failed.exit_code == 1
    assert "4 cells failed" in failed.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--table", "3"), "unknown table '3'"),
        (("--protocol", "fare"), "did you mean 'fair'"),
        (("--format", "jsn"), "did you mean 'json'"),
        (("--budget", "soon"), "--budget: expected a time such as 90m"),
        (("--methods", "difpool"), "did you mean 'diffpool'"),
        (("--datasets", "ENZYME"), "unknown data set 'ENZYME': did you mean 'ENZYMES'?"),
        (("--datasets", "TINY,NOSUCH"), "data set 'NOSUCH' could not be read from"),
        (("--datasets", "../TINY"), "data set: expected a name such as ENZYMES, got '../TINY'"),
        (("--datasets", "ENZYME", "--table", "time"), "did you mean 'ENZYMES'?"),
        (("--methods", "no_such_module:Net"), "cannot import no_such_module"),
        (("--datasets", "TINY", "--folds", "0-12"), "--folds: expected 0 to 9, got 10"),
        (("--seeds", "4294967"), "--seeds: expected at most 4294966, got 4294967"),
        (("--methods", ","), "--methods: expected names with commas between"),
        (("--datasets", ","), "--datasets: expected names with commas between"),
        (("--splits", "nowhere"), "no folder nowhere"),
        (("--table", "time", "--methods", "wl"), "--table time compares graphsage"),
        (("--table", "time", "--dry-run"), "no stored times"),
    ],
)
def test_bad_options_are_one_message(tiny_data, tmp_path, options, message):
    done = paper("--out", tmp_path / "results", *options)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
    assert not (tmp_path / "results").exists()
