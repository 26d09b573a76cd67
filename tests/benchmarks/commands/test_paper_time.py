import json

from benchmarks.timing.claim_contenders import CONTENDERS, SHARED
from benchmarks.timing.claim_table import latest_rows
from tests.benchmarks.command_line import invoke


def test_the_command_stores_rows_and_a_dry_run_prints_them(tiny_data, tmp_path, monkeypatch):
    monkeypatch.setitem(SHARED, "hidden_channels", 8)
    arguments = ["paper", "--table", "time", "--datasets", "TINY,COLLAB", "--out", str(tmp_path)]
    arguments += ["--rounds", "1", "--batches", "1", "--device", "cpu", "--format"]
    done = invoke(*arguments, "json")
    assert done.exit_code == 0, done.stderr
    *rows, missing = json.loads(done.stdout)
    assert [row["contender"] for row in rows] == list(CONTENDERS)
    assert all(row["ratio_to_graphsage"] > 0 and row["packages"]["torch"] for row in rows)
    assert missing == {"set": "COLLAB", "note": "data not found"}
    assert latest_rows(tmp_path / "time") == rows
    again = invoke(*arguments, "markdown", "--dry-run")
    assert "| TINY | set2set-largest |" in again.stdout
    assert len(list((tmp_path / "time").iterdir())) == 1
