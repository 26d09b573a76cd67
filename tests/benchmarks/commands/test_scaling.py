import json

import pytest
import typer

from benchmarks.commands.scaling import axis_names, scaling
from benchmarks.spec.errors import UsageError
from benchmarks.timing import scaling as timed_scaling
from benchmarks.timing.limited_process import OUT_OF_MEMORY, Outcome
from benchmarks.timing.rivals import CONTENDERS, OURS, PYG
from benchmarks.timing.scaling import AXES, RIVALS
from benchmarks.timing.scaling_table import curve_lines, requirements


class Machine:
    """Answers instead of limited processes: linear for all, and PyG dies above 10,000 nodes."""

    def __init__(self, stop_after=None):
        self.asked, self.stop_after = [], stop_after

    def __call__(self, function, arguments, memory_gib, seconds):
        contender, make, *_ = arguments
        (point, _) = make.args
        if len(self.asked) == self.stop_after:
            raise KeyboardInterrupt
        self.asked.append((contender, point.axis, point.size))
        assert (memory_gib, seconds) == (5.0, 30.0)
        if contender == PYG and point.nodes > 10_000:
            return Outcome(None, OUT_OF_MEMORY)
        value = {"median_ms": 1e-2 * point.size, "runs": 3, "peak_mib": 1e-2 * point.size}
        return Outcome({**value, "edges_kept": point.edges}, None)


def run(out, **changes):
    options = {"axes": "nodes", "memory_gib": 5.0, "limit": 30.0, "device": "cpu"}
    return scaling(**{**options, "format_": "json", "out": out, **changes})


def test_a_curve_ends_where_its_contender_dies(tmp_path, monkeypatch, capsys):
    machine = Machine()
    monkeypatch.setattr(timed_scaling, "run_limited", machine)
    rows = run(tmp_path, axes="nodes,edges")
    sizes = [point.size for point in AXES["nodes"]]
    reached = {name: [s for c, axis, s in machine.asked if (c, axis) == (name, "nodes")]
               for name in RIVALS}  # fmt: skip
    assert reached[OURS] == sizes
    # One point beyond its last, and none after that; other axes go on.
    assert reached[PYG] == [size for size in sizes if size <= 31_623]
    edges = [size for c, axis, size in machine.asked if (c, axis) == (PYG, "edges")]
    assert edges == [point.size for point in AXES["edges"]]
    died = [row for row in rows if "died" in row]
    assert [(row["contender"], row["size"], row["died"]) for row in died] == [
        (PYG, 31_623, OUT_OF_MEMORY)
    ]
    (store,) = tmp_path.glob("*.jsonl")
    assert [json.loads(line) for line in store.read_text().splitlines()] == rows
    assert json.loads(capsys.readouterr().out) == rows
    assert store.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    for row in rows:
        assert {"commit", "machine", "packages", "seed", "config", "memory_limit_gib"} <= set(row)


def test_a_stopped_run_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(timed_scaling, "run_limited", Machine(stop_after=11))
    with pytest.raises(typer.Exit):
        run(tmp_path)
    (store,) = tmp_path.iterdir()
    assert f"--resume {store}" in capsys.readouterr().err
    rest = Machine()
    monkeypatch.setattr(timed_scaling, "run_limited", rest)
    rows = run(tmp_path, resume=store)
    points = [(row["contender"], row["size"]) for row in rows]
    assert len(points) == len(set(points)) == 11 + len(rest.asked)
    assert {size for name, size in points if name == OURS} == {p.size for p in AXES["nodes"]}
    with pytest.raises(UsageError, match="other settings"):
        run(tmp_path, resume=store, limit=31.0)


def test_tables_tell_slopes_and_what_is_required(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(timed_scaling, "run_limited", Machine())
    rows = run(tmp_path, format_="markdown")
    printed = capsys.readouterr().out
    assert "| slope of time |" in printed
    lines = {line["contender"]: line for line in curve_lines(rows)}
    assert set(lines) == {name for name in RIVALS if name in CONTENDERS}
    assert lines[OURS]["slope of time"] == "1.00 (8)"
    assert lines[OURS]["largest"] == "1,000,000"
    assert lines[PYG]["ended by"] == "out of memory at 31,623"
    assert [line["verdict"] for line in requirements(rows)] == ["met", "met"]
    for row in rows:
        if row["contender"] == OURS and row["size"] == 1_000_000:
            row["peak_mib"] = 25 * 1024.0
    linear, million = requirements(rows)
    assert (linear["verdict"], million["verdict"]) == ("met", "NOT MET")
    assert million["measured"] == "10.0 s, 25.0 GiB"
    squared = [row | {"median_ms": row["median_ms"] ** 1.2} for row in rows if "died" not in row]
    assert requirements(squared)[0]["verdict"] == "NOT MET"


def test_bad_options_are_errors(tmp_path):
    assert axis_names("edges, nodes,edges") == ["edges", "nodes"]
    with pytest.raises(UsageError, match="did you mean 'nodes'"):
        axis_names("node")
    with pytest.raises(UsageError, match="--axes"):
        axis_names(" ,")
    with pytest.raises(UsageError, match="format"):
        run(tmp_path, format_="jsn")
    with pytest.raises(UsageError, match="device"):
        run(tmp_path, device="gpu")
