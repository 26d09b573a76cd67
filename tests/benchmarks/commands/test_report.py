from benchmarks.commands.report import read_runs
from tests.benchmarks.command_line import invoke
from tests.benchmarks.report.page_data import Page


def test_the_page_of_all_runs(made):
    data = Page(made.page).data
    assert sorted(row["run"] for row in data["table"]["rows"]) == sorted(made.runs.values())
    curves = {made.runs[name] for name in made.runs if name != "kernel"}
    assert {record["run"] for record in data["curves"]} == curves
    shown = {made.runs[name] for name in ("diffpool", "reference", "det")}
    assert {run["run"] for run in data["explorer"]["runs"]} == shown
    assert {absent["run"] for absent in data["explorer"]["absent"]} == (
        set(made.runs.values()) - shown
    )
    assert [run["run"] for run in data["provenance"]["runs"]] == [
        run.run["run"] for run in read_runs(made.results, [])
    ]


def test_where_the_page_lies_and_its_size_are_told(made):
    size = made.page.stat().st_size
    assert f"page of 6 runs: {made.page} ({size / 1e6:.1f} MB)" in made.told
    assert size < 8e6


def test_named_runs_only_and_the_same_bytes_each_time(served, tmp_path):
    pages = [tmp_path / "first.html", tmp_path / "second.html"]
    names = [served.runs["flat"], served.runs["det"]]
    for path, order in zip(pages, (names, names[::-1]), strict=True):
        done = invoke("report", *order, "--results", served.results, "--out", path)
        assert done.exit_code == 0, done.stderr
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert [row["run"] for row in Page(pages[0]).data["table"]["rows"]] == names[::-1]


def test_bad_input_is_told(made, tmp_path):
    unknown = invoke("report", "TINY-diffpol", "--results", made.results)
    assert unknown.exit_code == 2
    assert "unknown run 'TINY-diffpol'" in unknown.stderr
    assert "no folder" in invoke("report", "--results", tmp_path / "none").stderr
    assert "no runs in" in invoke("report", "--results", tmp_path).stderr
    folder = invoke("report", "--results", made.results, "--out", tmp_path)
    assert "--out: expected a file" in folder.stderr
    splits = invoke("report", "--results", made.results, "--splits", tmp_path / "none")
    assert "--splits: expected a folder" in splits.stderr
    assert "--folds: expected numbers" in (
        invoke("report", "--results", made.results, "--folds", "x").stderr
    )
    assert list(tmp_path.iterdir()) == []
