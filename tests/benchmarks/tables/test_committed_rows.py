"""The table of the committed results says what it said before.

``committed_rows.json`` is what ``python -m benchmarks table --all --format json`` printed. Write it
anew in that way when results are added to one of its runs; runs that it does not know are left out
of the comparison.
"""

import json
from pathlib import Path

from tests.benchmarks.command_line import invoke

KNOWN = json.loads(Path(__file__).with_name("committed_rows.json").read_text(encoding="utf-8"))


def test_committed_runs_have_the_rows_that_they_had():
    printed = json.loads(invoke("table", "--all", "--format", "json").stdout)
    known = {row["run"] for row in KNOWN}
    assert len(known) == len(KNOWN) == 59
    assert [row for row in printed if row["run"] in known] == KNOWN
