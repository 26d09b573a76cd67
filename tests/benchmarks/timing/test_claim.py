import numpy as np
import pytest

from benchmarks.data.registry import find_source
from benchmarks.timing import claim
from benchmarks.timing.claim_contenders import SHARED, load_timing_data
from benchmarks.timing.claim_table import TIMES


@pytest.fixture
def tiny(tiny_data, monkeypatch):
    monkeypatch.setitem(SHARED, "hidden_channels", 8)
    return load_timing_data("TINY", find_source("TINY").graphs, "cpu", 0)


def test_all_contenders_train_on_a_batch_before_any_sees_the_next(tiny):
    seen = []

    class Trainee:
        def __init__(self, name):
            self.name = name

        def step(self, batch):
            seen.append((self.name, batch))

    batches = ["first", "second", "third"]
    trainees = {name: Trainee(name) for name in "abc"}
    seconds = claim.step_in_turns(trainees, batches, 2, "cpu")
    timed = seen[3 * claim.WARM_UP :]
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
    monkeypatch.setattr(claim, "step_in_turns", lambda *arguments: times)
    monkeypatch.setattr(claim, "measurable_steps", lambda *arguments: tiny.largest)
    rows = {row["contender"]: row for row in claim.measure(tiny, 3, 2, "cpu", 0)}
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
    monkeypatch.setattr(claim, "step_in_turns", lambda *arguments: times)
    monkeypatch.setattr(claim, "measurable_steps", lambda *arguments: 4)
    rows = {row["contender"]: row for row in claim.measure(tiny, 1, 2, "cpu", 0)}
    # From 3 to 4 steps one and two seconds more; 6 steps are three times as far.
    row = rows["set2set-largest"]
    assert row["batches_s"] == pytest.approx(5.0 + 10.0)
    assert (row["processing_steps"], row["measured_steps"]) == (6, 4)
    assert TIMES.columns["Set2Set's steps"](row) == "6, extrapolated from 4"
    assert row["settings"]["processing_steps"] == 4
