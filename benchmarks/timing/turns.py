"""Contenders take turns: rounds in a new order each, clocks that wait for the device, quartiles."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from benchmarks.spec.device import synchronise
from benchmarks.timing.limited_process import describe

LEAST_ROUNDS = 3

Step = Callable[[], object]


class Timing(NamedTuple):
    """Seconds of each timed call, or why there are none."""

    seconds: list[float]
    note: str | None = None

    @property
    def median(self) -> float | None:
        """The median, if there are timings."""
        return statistics.median(self.seconds) if self.seconds else None


def turns(
    names: Iterable[str], rounds: int, seconds: float = float("inf")
) -> Iterator[tuple[int, str]]:
    """Yield a round's number and a name, all names each round, in an order drawn anew.

    In a fixed order, one contender would always follow the one that leaves memory in pieces. After
    three rounds, no new one begins once :obj:`seconds` have passed.
    """
    names = list(names)
    began = time.perf_counter()
    for number in range(rounds):
        if number >= LEAST_ROUNDS and time.perf_counter() - began > seconds:
            return
        for name in random.Random(number).sample(names, len(names)):
            yield number, name


def take_turns(
    steps: Mapping[str, Step],
    rounds: int,
    seconds: float = float("inf"),
    device: str = "cpu",
    warm_up: int = 1,
    keep_going: bool = False,
) -> dict[str, Timing]:
    """Time each step once a round.

    Args:
        steps: Contenders by name.
        rounds: Timings of each, at most.
        seconds: No new round begins after so long, once three are done.
        device: Where the steps work.
        warm_up: Calls of each step before all timings: memory is allocated, programs are compiled.
        keep_going: Whether a step that fails is left out from there on, with a note of its error,
            rather than raising it.
    """
    times: dict[str, list[float]] = {name: [] for name in steps}
    notes: dict[str, str] = {}

    def attempt(name: str) -> None:
        if name in notes:
            return
        try:
            times[name].append(timed(steps[name], device))
        except Exception as error:
            if not keep_going:
                raise
            notes[name] = describe(error)
        # Outside the handler, which would keep the frames of the failed step alive.
        if name in notes:
            free_memory(device)

    for name in steps:
        for _ in range(warm_up):
            attempt(name)
        times[name].clear()
    for _, name in turns(steps, rounds, seconds):
        attempt(name)
    return {name: Timing([] if name in notes else times[name], notes.get(name)) for name in steps}


def timed(step: Step, device: str = "cpu") -> float:
    """Return the seconds of one call, from an idle device to an idle device: a GPU's by events."""
    if not on_cuda(device):
        began = time.perf_counter()
        step()
        return time.perf_counter() - began
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    synchronise(device)
    begin.record()
    step()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1e3


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile; all the same for one value."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high


def summary(timing: Timing, batches: int = 1) -> dict[str, Any]:
    """Return median and quartiles in milliseconds a batch and the number of rounds, or the note."""
    if not timing.seconds:
        return {"note": timing.note}
    low, median, high = (1e3 * value / batches for value in quartiles(timing.seconds))
    return {
        "median_ms": median,
        "quartile_1_ms": low,
        "quartile_3_ms": high,
        "rounds": len(timing.seconds),
    }


def on_cuda(device: str) -> bool:
    """Whether the device is a GPU."""
    return device.startswith("cuda")


def free_memory(device: str) -> None:
    """Give back unused memory, so that one contender's leftovers are not another's limit."""
    gc.collect()
    if on_cuda(device):
        torch.cuda.empty_cache()
