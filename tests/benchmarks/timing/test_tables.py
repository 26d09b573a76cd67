import json

from benchmarks.timing.tables import Table, medians, number, over, show_tables, spread

ROWS = [
    {"set": "A", "contender": "ours", "median_ms": 2.0},
    {"set": "A", "contender": "theirs", "median_ms": 3.0},
    {"set": "B", "contender": "ours", "note": "out of memory"},
]


def test_columns_are_all_heads_of_lines_and_repeats_are_left_out(capsys):
    lines = [{"set": "A", "ms": "2"}, {"set": "A", "ms": "3", "note": "busy"}, {"set": "B"}]
    show_tables(ROWS, [Table("Times", lines, ("a note",), ("set",)), Table("None", [])], "markdown")
    printed = capsys.readouterr().out
    assert printed.splitlines() == [
        "", "Times", "", "| set | ms | note |", "| --- | --- | --- |", "| A | 2 |  |",
        "|  | 3 | busy |", "| B |  |  |", "", "- a note",
    ]  # fmt: skip


def test_rows_are_shown_as_json(capsys):
    show_tables(ROWS, [Table("Times", [{"set": "A"}])], "json")
    assert json.loads(capsys.readouterr().out) == ROWS


def test_medians_by_set():
    assert medians(ROWS) == {"A": {"ours": 2.0, "theirs": 3.0}}
    assert over(ROWS[1], 2.0) == "1.50"
    assert over(ROWS[1], None) == ""


def test_numbers_and_quartiles():
    row = {"median_ms": 2.0, "quartile_1_ms": 1.0, "quartile_3_ms": 4.0}
    assert spread(row, "ms", ".1f") == "2.0 (1.0–4.0)"
    assert (number(None, ".1f"), number(2.25, ".1f")) == ("", "2.2")
