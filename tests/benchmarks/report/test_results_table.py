import json

import pytest

from benchmarks.records.table_format import RESULTS
from benchmarks.report.results_table import table_record
from benchmarks.tables.scores import result_rows
from tests.benchmarks.tables.made_runs import fair_cell, write_cells


def test_the_rows_are_those_that_table_prints(made):
    record = table_record(made.results, list(made.runs.values()))
    assert json.loads(json.dumps(record)) == record
    rows = {row["run"]: row for row in result_rows(made.results, all_runs=True)}
    assert [column["head"] for column in record["columns"]] == list(RESULTS.columns)
    assert [row["run"] for row in record["rows"]] == list(rows)
    for shown in record["rows"]:
        row = rows[shown["run"]]
        assert [cell["text"] for cell in shown["cells"]] == [
            fill(row) for fill in RESULTS.columns.values()
        ]
        assert (shown["mean"], shown["std"]) == (row["mean"], row["std"])
    assert record["unfinished"] == []


def test_columns_of_numbers_sort_by_the_number(tmp_path):
    write_cells(tmp_path, "ENZYMES-a", [fair_cell(0, 0, 0.5, 0.5), fair_cell(1, 0, 0.5, 0.7)])
    write_cells(tmp_path, "ENZYMES-b", [fair_cell(0, 0, 0.5, 0.25)], method="my:Model")
    write_cells(tmp_path, "ENZYMES-c", [], method="wl")
    record = table_record(tmp_path, ["ENZYMES-a", "ENZYMES-b", "ENZYMES-c"])
    heads = [column["head"] for column in record["columns"]]
    by_run = {row["run"]: dict(zip(heads, row["cells"], strict=True)) for row in record["rows"]}
    assert by_run["ENZYMES-a"]["accuracy %"] == {"text": "60.00 ± 10.00", "sort": 60.0}
    # The paper's figure for diffpool on ENZYMES, Table 1; a class of the user's has none.
    assert by_run["ENZYMES-a"]["paper (reference)"] == {"text": "62.53", "sort": 62.53}
    assert by_run["ENZYMES-b"]["paper (reference)"] == {"text": "", "sort": None}
    assert by_run["ENZYMES-b"]["method"]["sort"] == "my:Model"
    assert record["unfinished"] == ["ENZYMES-c"]


@pytest.mark.parametrize("kept", ["ENZYMES-a", "ENZYMES-b"])
def test_only_the_runs_asked_for(tmp_path, kept):
    write_cells(tmp_path, "ENZYMES-a", [fair_cell(0, 0, 0.5, 0.5)])
    write_cells(tmp_path, "ENZYMES-b", [fair_cell(0, 0, 0.5, 0.6)])
    assert [row["run"] for row in table_record(tmp_path, [kept])["rows"]] == [kept]
