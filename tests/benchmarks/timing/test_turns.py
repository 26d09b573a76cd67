import pytest
import torch

from benchmarks.timing.limited_process import OUT_OF_MEMORY
from benchmarks.timing.turns import Timing, quartiles, summary, take_turns, timed, turns


def test_all_take_a_turn_each_round_in_orders_drawn_anew():
    drawn = list(turns("abc", 6))
    assert [number for number, _ in drawn] == [number for number in range(6) for _ in "abc"]
    orders = ["".join(name for _, name in drawn[first : first + 3]) for first in range(0, 18, 3)]
    assert all(sorted(order) == list("abc") for order in orders)
    assert len(set(orders)) > 1


def test_no_round_begins_after_the_time_once_three_are_done():
    assert len(list(turns("ab", 10, seconds=0.0))) == 2 * 3
    assert len(list(turns("ab", 10, seconds=60.0))) == 2 * 10


def test_a_warm_up_is_not_timed(monkeypatch):
    ticks = iter(range(0, 1000, 2))
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    calls = []
    times = take_turns({"a": lambda: calls.append("a")}, rounds=4, warm_up=2)
    assert times == {"a": Timing([2, 2, 2, 2])}
    assert len(calls) == 6


def test_turns_leave_out_what_fails():
    calls = []

    def sometimes():
        calls.append(1)
        if len(calls) == 4:
            raise RuntimeError("CUDA error: out of memory")

    steps = {"a": lambda: None, "b": sometimes}
    times = take_turns(steps, 5, 60.0, warm_up=2, keep_going=True)
    assert (len(times["a"].seconds), times["a"].note) == (5, None)
    assert times["b"] == ([], OUT_OF_MEMORY)
    assert len(calls) == 4
    calls.clear()
    with pytest.raises(RuntimeError, match="out of memory"):
        take_turns(steps, 5)


def test_summary_by_hand():
    assert quartiles([7.0]) == (7.0, 7.0, 7.0)
    found = summary(Timing([0.001, 0.005, 0.002, 0.004, 0.003]), batches=2)
    assert found == {"median_ms": pytest.approx(1.5), "quartile_1_ms": pytest.approx(1.0),
                     "quartile_3_ms": pytest.approx(2.0), "rounds": 5}  # fmt: skip
    assert summary(Timing([], "gone")) == {"note": "gone"}


def test_times_on_a_gpu_are_those_of_events(monkeypatch):
    calls = []

    class Event:
        def __init__(self, enable_timing):
            calls.append(enable_timing)

        def record(self):
            calls.append("record")

        def synchronize(self):
            calls.append("wait")

        def elapsed_time(self, end):
            return 12.0

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: calls.append("idle"))
    assert timed(lambda: calls.append("step"), "cuda") == pytest.approx(0.012)
    assert calls == [True, True, "idle", "record", "step", "record", "wait"]
