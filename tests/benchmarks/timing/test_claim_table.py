import json

import pytest

from benchmarks.spec.errors import UsageError
from benchmarks.timing.claim_table import TIMES, latest_rows, show
from tests.benchmarks.layouts import filled

ROW = {
    "set": "DD", "contender": "set2set-largest", "median_step_s": 0.0254, "clusters": [50, 5],
    "parameters": 12345, "processing_steps": 30, "measured_steps": 30,
    "ratio_to_graphsage": 2.0, "ratio_to_graphsage_low": 1.5, "ratio_to_graphsage_high": 3.0,
}  # fmt: skip


def test_the_file_stored_last_is_read(tmp_path):
    with pytest.raises(UsageError, match="--dry-run: no stored times in"):
        latest_rows(tmp_path)
    for name, number in (("2026-02", 2), ("2026-01", 1)):
        (tmp_path / f"{name}.jsonl").write_text(f'{{"value": {number}}}\n' * 2)
    assert latest_rows(tmp_path) == [{"value": 2}] * 2


def test_a_row_has_ratios_with_their_range_and_what_was_extrapolated():
    found = filled(TIMES, ROW)
    assert found["time / graphsage"] == "2.00 (1.50–3.00)"
    assert found["time / diffpool"] == ""
    assert found["ms a step (median)"] == "25.4"
    assert (found["Set2Set's steps"], found["K"], found["parameters"]) == ("30", "50/5", "12,345")
    fewer = filled(TIMES, ROW | {"measured_steps": 4})
    assert fewer["Set2Set's steps"] == "30, extrapolated from 4"


def test_data_that_were_not_found_have_a_line(capsys):
    show([ROW], ["COLLAB"], "json")
    missing = {"set": "COLLAB", "note": "data not found"}
    assert json.loads(capsys.readouterr().out) == [ROW, missing]
    assert list(filled(TIMES, missing).values()) == ["COLLAB", "data not found", *[""] * 6]
    show([ROW], ["COLLAB"], "markdown")
    printed = capsys.readouterr().out
    assert "the paper: DiffPool 12 times as fast as Set2Set" in printed
    assert "| COLLAB | data not found |" in printed
