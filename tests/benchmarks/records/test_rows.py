import json
from importlib import metadata

import pytest

from benchmarks.records.rows import ResultLines
from benchmarks.spec.errors import UsageError


def test_parts_survive_and_are_not_asked_for_again(tmp_path):
    lines = ResultLines(tmp_path, {"rounds": 2, "sizes": (1, 2)}, seed=3)
    assert lines.finished("a") is None
    lines.add("a", [{"time": 1.0}, {"time": 2.0}])
    lines.add("b", [{"time": 3.0}])
    stored = [json.loads(line) for line in lines.path.read_text().splitlines()]
    assert stored == lines.rows
    assert [(row["part"], row["time"]) for row in stored] == [("a", 1.0), ("a", 2.0), ("b", 3.0)]
    for row in stored:
        assert row["packages"]["torch"] == metadata.version("torch")
        assert row["config"] == {"rounds": 2, "sizes": [1, 2]}
        assert row["seed"] == 3
        assert {"commit", "dirty", "machine", "threads"} <= set(row)

    resumed = ResultLines(tmp_path, {"rounds": 2, "sizes": (1, 2)}, seed=3, resume=lines.path)
    assert resumed.finished("a") == stored[:2]
    resumed.add("c", [{"time": 4.0}])
    assert [json.loads(line) for line in lines.path.read_text().splitlines()] == resumed.rows
    assert len(resumed.rows) == 4


def test_other_settings_do_not_mix(tmp_path):
    path = ResultLines(tmp_path, {"rounds": 2}, seed=0)
    path.add("a", [{}])
    for config, seed in (({"rounds": 3}, 0), ({"rounds": 2}, 1)):
        with pytest.raises(UsageError, match="other settings"):
            ResultLines(tmp_path, config, seed, resume=path.path)


@pytest.mark.parametrize("content", [None, "no json", '{"other": 1}', "[1]"])
def test_what_is_no_file_of_rows_is_refused(tmp_path, content):
    path = tmp_path / "rows.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageError, match="no file of rows"):
        ResultLines(tmp_path, {}, 0, resume=path)
