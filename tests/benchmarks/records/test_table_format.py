import json

import pytest

from benchmarks.records import table_format
from benchmarks.spec.errors import UsageError
from benchmarks.tables.scores import result_rows
from tests.benchmarks.tables.made_runs import fair_cell, reference_cell, write_cells


def test_markdown_labels_the_reference_protocol_as_optimistic(tmp_path, capsys):
    cells = [reference_cell(fold, 0, [0.5, 0.625]) for fold in range(10)]
    write_cells(tmp_path, "one", cells, protocol="reference")
    table_format.show(result_rows(tmp_path), table_format.RESULTS, "markdown")
    line = capsys.readouterr().out.splitlines()[2]
    assert "| reference (optimistic) | 62.50 ± 0.00 | 0-9 | 0 | 62.53 |" in line


def test_one_fold_has_no_spread(tmp_path, capsys):
    write_cells(tmp_path, "one", [fair_cell(0, 0, 0.5, 0.625)])
    (row,) = result_rows(tmp_path)
    assert row["std"] is None
    table_format.show([row], table_format.RESULTS, "markdown")
    assert "| fair | 62.50 | 0 | 0 |" in capsys.readouterr().out


def test_json_is_a_list_of_rows(tmp_path, capsys):
    table_format.show(result_rows(tmp_path), table_format.RESULTS, "json")
    assert json.loads(capsys.readouterr().out) == []


def test_the_interval_of_a_comparison_and_what_it_lacks(capsys):
    row = {
        "dataset": "DD", "protocol": "fair", "first": "a", "second": "b", "difference": 1.234,
        "low": 0.5, "high": 2.0, "folds": "0-9",
        "seeds": ["0-2", "0-2"], "runs": ["a|1", "b2"],
    }  # fmt: skip
    lacking = {**row, "difference": None, "low": None, "seeds": ["0-2", "0"]}
    table_format.show([row, lacking], table_format.COMPARISON, "markdown")
    head, _, first, second, *notes = capsys.readouterr().out.splitlines()
    assert head == (
        "| data set | protocol | first − second | difference | 95 % interval | folds | seeds "
        "| runs |"
    )
    assert first == r"| DD | fair | a − b | +1.23 | [+0.50, +2.00] | 0-9 | 0-2 | a\|1 b2 |"
    assert second == r"| DD | fair | a − b |  | needs two folds | 0-9 | 0-2 − 0 | a\|1 b2 |"
    assert notes[1].startswith("- difference: points of accuracy, paired over folds")


def test_the_plain_table_has_a_line_a_row_and_its_notes(tmp_path, capsys):
    write_cells(tmp_path, "one", [fair_cell(0, 0, 0.5, 0.625)])
    table_format.show(result_rows(tmp_path), table_format.RESULTS, "rich")
    out = capsys.readouterr().out
    assert "62.50" in out
    assert out.count("•") == len(table_format.RESULTS.notes)
    table_format.show([], table_format.RESULTS, "rich")
    assert capsys.readouterr().out.startswith("no results yet; `python -m benchmarks run --help`")


def test_another_metric_than_accuracy_is_named():
    row = {"mean": 77.123, "std": 1.005, "metric": "rocauc"}
    assert table_format.score_text(row) == "77.12 ± 1.00"
    assert table_format.RESULTS.columns["accuracy %"](row) == "77.12 ± 1.00 (rocauc)"


def test_an_unknown_format_is_refused():
    with pytest.raises(UsageError, match="unknown format 'jsn': did you mean 'json'"):
        table_format.check_format("jsn")


def test_seeds_are_told_with_what_the_mean_varies_by():
    several = {"seeds": "0-2", "fewer_seeds": "", "std_between_seeds": 0.416}
    assert table_format.seeds_text(several) == "0-2 (± 0.42)"
    lacking = {**several, "fewer_seeds": "3-9", "std_between_seeds": None}
    assert table_format.seeds_text(lacking) == "0-2, fewer on folds 3-9"
    assert table_format.seeds_text({**several, "seeds": "0", "std_between_seeds": None}) == "0"
