import json

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.cli import app
from benchmarks.dataset import cached_dataset
from benchmarks.paper import set2set_steps, timing
from benchmarks.paper.contenders import CONTENDERS, SHARED, load_timing_data
from benchmarks.paper.timing_table import TIMES, latest_rows


@pytest.fixture
def tiny(tiny_data, monkeypatch):
    monkeypatch.setitem(SHARED, "hidden_channels", 8)
    return load_timing_data("TINY", cached_dataset("TINY"), "cpu", 0)


def test_all_contenders_train_on_a_batch_before_any_sees_the_next(tiny):
    seen = []

    class Trainee:
        def __init__(self, name):
            self.name = name

        def step(self, batch):
            seen.append((self.name, batch))

    batches = ["first", "second", "third"]
    trainees = {name: Trainee(name) for name in "abc"}
    seconds = timing.take_turns(trainees, batches, 2, "cpu", seed=0)
    timed = seen[3 * timing.WARM_UP :]
    assert [batch for _, batch in timed] == [batch for batch in batches for _ in "abc"] * 2
    orders = [tuple(name for name, _ in timed[start : start + 3]) for start in range(0, 18, 3)]
    assert all(sorted(order) == list("abc") for order in orders)
    assert len(set(orders)) > 1
    assert {name: times.shape for name, times in seconds.items()} == dict.fromkeys("abc", (2, 3))


def test_ratios_are_medians_over_rounds_of_those_of_sums_over_batches(tiny, monkeypatch):
    times = {
        "graphsage": np.array([[1.0, 2.0], [1.0, 2.0], [9.0, 2.0]]),
        "diffpool": np.array([[2.0, 4.0], [2.0, 4.0], [2.0, 4.0]]),
        "set2set-3": np.full((3, 2), 3.0),
        "set2set-largest": np.full((3, 2), 12.0),
    }
    monkeypatch.setattr(timing, "take_turns", lambda *arguments: times)
    monkeypatch.setattr(timing, "measurable_steps", lambda *arguments: tiny.largest)
    rows = {row["contender"]: row for row in timing.measure(tiny, 3, 2, "cpu", 0)}
    assert rows["diffpool"]["ratio_to_graphsage"] == pytest.approx(2.0)
    # The third round by itself: 6 to 11 seconds.
    assert rows["diffpool"]["ratio_to_graphsage_low"] == pytest.approx(6 / 11)
    assert rows["set2set-largest"]["ratio_to_diffpool"] == pytest.approx(4.0)
    assert rows["graphsage"]["batches_s"] == pytest.approx(3.0)
    assert rows["set2set-largest"]["processing_steps"] == tiny.largest == 6
    assert rows["set2set-3"]["processing_steps"] == 3
    assert rows["graphsage"]["processing_steps"] is None


def test_fewer_steps_are_extrapolated_on_a_straight_line(tiny, monkeypatch):
    times = {
        "graphsage": np.ones((1, 2)),
        "diffpool": np.ones((1, 2)),
        "set2set-3": np.array([[2.0, 4.0]]),
        "set2set-largest": np.array([[3.0, 6.0]]),
    }
    monkeypatch.setattr(timing, "take_turns", lambda *arguments: times)
    monkeypatch.setattr(timing, "measurable_steps", lambda *arguments: 4)
    rows = {row["contender"]: row for row in timing.measure(tiny, 1, 2, "cpu", 0)}
    # From 3 to 4 steps one and two seconds more; 6 steps are three times as far.
    row = rows["set2set-largest"]
    assert row["batches_s"] == pytest.approx(5.0 + 10.0)
    assert (row["processing_steps"], row["measured_steps"]) == (6, 4)
    assert TIMES.columns["Set2Set's steps"](row) == "6, extrapolated from 4"
    assert row["settings"]["processing_steps"] == 4


def test_steps_have_room_in_the_time_there_is():
    probed = set2set_steps.PROBED
    # A second for three steps, 17 for 19: one a step.
    assert set2set_steps.steps_within(51.0, 1.0, 17.0, 1000) == 53
    assert set2set_steps.steps_within(51.0, 1.0, 17.0, 40) == 40
    assert set2set_steps.steps_within(1.5, 1.0, 17.0, 1000) == probed
    assert set2set_steps.steps_within(1e9, 1.0, 1.0, 1000) == 1000


def test_memory_bounds_the_steps(tiny, monkeypatch):
    batches = list(tiny.loader)
    nodes = max(batch.num_nodes for batch in batches)
    assert set2set_steps.bytes_of_step(batches) == nodes * 8 * 3 * 4 * 3
    large = tiny._replace(sizes=tiny.sizes * 1000)
    monkeypatch.setattr(set2set_steps, "_timed", lambda *arguments: 0.0)
    monkeypatch.setattr(
        set2set_steps, "_free_bytes", lambda device: 200 * set2set_steps.bytes_of_step(batches)
    )
    assert set2set_steps.measurable_steps(large, None, batches, 1, "cpu", 0) == 100


def test_the_command_stores_rows_and_a_dry_run_prints_them(tiny, tmp_path):
    arguments = ["paper", "--table", "time", "--datasets", "TINY,COLLAB", "--out", str(tmp_path)]
    arguments += ["--rounds", "1", "--batches", "1", "--device", "cpu", "--format"]
    done = CliRunner().invoke(app, [*arguments, "json"])
    assert done.exit_code == 0, done.stderr
    *rows, missing = json.loads(done.stdout)
    assert [row["contender"] for row in rows] == list(CONTENDERS)
    assert all(row["ratio_to_graphsage"] > 0 and row["packages"]["torch"] for row in rows)
    assert missing == {"set": "COLLAB", "note": "data not found"}
    assert latest_rows(tmp_path / "time") == rows
    again = CliRunner().invoke(app, [*arguments, "markdown", "--dry-run"])
    assert "| TINY | set2set-largest |" in again.stdout
    assert len(list((tmp_path / "time").iterdir())) == 1
