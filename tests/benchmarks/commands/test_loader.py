import json

import pytest

from benchmarks.commands.loader import loader
from benchmarks.spec.errors import UsageError
from tests.benchmarks.command_line import invoke


def test_both_loaders_are_timed_and_kept(tiny_data, tmp_path):
    options = ("--data", "TINY", "--rounds", "3", "--seconds", "0", "--batch-size", "7")
    done = invoke("loader", *options, "--out", str(tmp_path), "--format", "json")
    assert done.exit_code == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row["loader"] for row in rows] == ["ResidentLoader", "DataLoader"]
    (path,) = tmp_path.glob("*.jsonl")
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    assert kept == rows
    ours, theirs = rows
    assert theirs["times_pyg"] == 1
    assert ours["times_pyg"] == pytest.approx(theirs["median_ms"] / ours["median_ms"])
    assert ours["graphs_per_second"] == pytest.approx(1e3 * ours["graphs"] / ours["median_ms"])
    assert {"commit", "packages", "machine", "threads"} <= ours.keys()


def test_unknown_format():
    with pytest.raises(UsageError, match="format"):
        loader(format_="csv")
