import json

import pytest

from benchmarks.runs.paper_cells import Row, Rows
from benchmarks.tables import paper_layout as layout
from tests.benchmarks.stored import write_run

SOURCE = {"seed": 0, "data": "d"}


def table_of(results, rows, *, table="1", protocol="fair", datasets=("ENZYMES", "PROTEINS")):
    methods = ("graphsage", "diffpool")
    return layout.paper_table(table, protocol, datasets, methods, rows, results)


def rows_with(**changes):
    sources = {"ENZYMES": SOURCE, "PROTEINS": SOURCE}
    return Rows(**{"rows": [], "absent": {}, "sources": sources, **changes})


@pytest.fixture
def results(tmp_path):
    write_run(tmp_path, "a", "ENZYMES", "graphsage", dict.fromkeys(range(10), 0.5))
    write_run(tmp_path, "b", "ENZYMES", "diffpool", {fold: 0.5 + 0.01 * fold for fold in range(10)})
    write_run(tmp_path, "c", "PROTEINS", "diffpool", {0: 0.6, 1: 0.8})
    return tmp_path


def line(record, format_, capsys, number=1):
    layout.show(record, format_)
    lines = [text for text in capsys.readouterr().out.splitlines() if text.startswith("| ")]
    return lines[2 + number]


def test_cells_hold_mean_deviation_folds_and_the_papers_figure(results):
    record = table_of(results, rows_with())
    assert [row["method"] for row in record["rows"]] == ["graphsage", "diffpool"]
    cell = record["rows"][1]["cells"]["ENZYMES"]
    ours = cell["ours"]
    # 50 to 59: the variance of ten consecutive numbers is 8.25.
    assert (ours["mean"], ours["std"]) == (54.5, 2.87)
    assert (ours["num_folds"], ours["folds"], ours["run"]) == (10, "0-9", "b")
    assert (cell["paper"], cell["published"]) == (62.53, 59.5)
    gain = record["rows"][1]["gain"]
    assert gain["ours"] == {"mean": 4.5, "datasets": ["ENZYMES"]}
    assert gain["paper_same_datasets"] == {"mean": 8.28, "datasets": ["ENZYMES"]}
    assert gain["paper"]["mean"] == 6.27


def test_under_fair_the_papers_figures_are_marked(results, capsys):
    record = table_of(results, rows_with())
    assert "protocol fair" in record["caption"]
    assert "NOT comparable" in record["caption"]
    assert not record["paper_comparable"]
    assert line(record, "markdown", capsys) == (
        r"| diffpool | 54.50 ± 2.87 \| (62.53) | 70.00 ± 10.00 (2 of 10 folds: 0-1) \| (76.25) | "
        r"+4.50 (ENZYMES) \| +8.28 there, +6.27 (its 5) |"
    )


def test_under_reference_they_are_not(tmp_path, capsys):
    cells = dict.fromkeys(range(10), 0.625)
    write_run(tmp_path, "a", "ENZYMES", "diffpool", cells, protocol="reference")
    record = table_of(tmp_path, rows_with(), protocol="reference")
    assert "NOT" not in record["caption"]
    assert "protocol reference (optimistic)" in record["caption"]
    assert r"| 62.50 ± 0.00 \| 62.53 |" in line(record, "markdown", capsys)


def test_table_2_has_no_gain_and_json_is_one_object(results, capsys):
    record = table_of(results, rows_with(), table="2")
    layout.show(record, "json")
    shown = json.loads(capsys.readouterr().out)
    assert shown == record
    assert "gain" not in shown["rows"][0]
    layout.show(record, "rich")
    assert "54.50 ± 2.87 | (62.53)" in capsys.readouterr().out


def test_runs_on_other_folds_or_data_are_left_out(results):
    rows = rows_with(sources={"ENZYMES": {**SOURCE, "seed": 1}, "PROTEINS": SOURCE})
    record = table_of(results, rows)
    assert record["rows"][1]["cells"]["ENZYMES"]["ours"] is None
    rows = rows_with(sources={"ENZYMES": SOURCE, "PROTEINS": {**SOURCE, "data": "e"}})
    assert table_of(results, rows)["rows"][1]["cells"]["PROTEINS"]["ours"] is None


def test_of_two_runs_the_fuller_counts(results):
    write_run(results, "best", "ENZYMES", "diffpool", {0: 1.0}, started="2027-01-01")
    record = table_of(results, rows_with())
    assert record["rows"][1]["cells"]["ENZYMES"]["ours"]["run"] == "b"


def test_missing_data_and_problems_are_told(results, capsys):
    rows = rows_with(
        rows=[Row("PROTEINS", "graphsage", None, "install it")], absent={"DD": "no DD.zip"}
    )
    record = table_of(results, rows, datasets=("PROTEINS", "DD"))
    assert record["rows"][1]["cells"]["DD"]["why_not"] == "data not found"
    assert record["rows"][0]["cells"]["PROTEINS"]["why_not"] == "install it"
    assert "graphsage on PROTEINS: install it" in record["notes"]
    assert line(record, "markdown", capsys, 0) == (
        r"| graphsage | – \| (70.48) | data not found \| (75.42) | – \| – |"
    )
