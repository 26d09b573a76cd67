"""Times, peak memory and failures on a device: CUDA events there, the clock on a CPU."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

if TYPE_CHECKING:
    from benchmarks.coarsen.batches import Problem

OUT_OF_MEMORY = "out of memory"
MIB = 2**20
WARM_UP = 2
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


def on_cuda(device: str) -> bool:
    """Whether the device is a GPU."""
    return device.startswith("cuda")


def synchronised(device: str) -> None:
    """Wait for the device; an error of an earlier kernel is raised here."""
    if on_cuda(device):
        torch.cuda.synchronize()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed: a subclass of RuntimeError on a GPU, a message on a CPU."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    text = str(error)
    return any(sign in text for sign in ("out of memory", "DefaultCPUAllocator", "ALLOC_FAILED"))


def describe(error: BaseException) -> str:
    """Return one line about an error."""
    if is_out_of_memory(error):
        return OUT_OF_MEMORY
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:300]}"


def free_memory(device: str) -> None:
    """Give back what nobody uses, so that one contender's leftovers are not another's limit."""
    gc.collect()
    if on_cuda(device):
        torch.cuda.empty_cache()


def timed(step: Step, device: str) -> float:
    """Return the seconds of one call, from an idle device to an idle device."""
    if not on_cuda(device):
        began = time.perf_counter()
        step()
        return time.perf_counter() - began
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    torch.cuda.synchronize()
    begin.record()
    step()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1e3


def time_step(step: Step, device: str, rounds: int, seconds: float) -> Timing:
    """Time one step by itself."""
    return time_in_turns({"": step}, device, rounds, seconds)[""]


def time_in_turns(
    steps: Mapping[str, Step], device: str, rounds: int, seconds: float
) -> dict[str, Timing]:
    """Time each step once a round, in an order drawn anew for each round.

    Steps warm up first (programs are compiled, workspaces allocated); one that fails there or later
    is left out and noted. At least three rounds are timed, then no new one begins once
    :obj:`seconds` have passed.
    """
    times: dict[str, list[float]] = {name: [] for name in steps}
    notes: dict[str, str] = {}

    def attempt(name: str) -> None:
        try:
            times[name].append(timed(steps[name], device))
        except Exception as error:
            notes[name] = describe(error)
        # Outside the handler, which would keep the frames of the failed step alive.
        if name in notes:
            free_memory(device)

    for name in steps:
        for _ in range(WARM_UP):
            if name not in notes:
                attempt(name)
        times[name].clear()
    began = time.perf_counter()
    for number in range(rounds):
        if number >= LEAST_ROUNDS and time.perf_counter() - began > seconds:
            break
        left = [name for name in steps if name not in notes]
        for name in random.Random(number).sample(left, len(left)):
            attempt(name)
    return {name: Timing([] if name in notes else times[name], notes.get(name)) for name in steps}


def peak_memory(step: Step, device: str) -> tuple[float | None, str | None]:
    """Return how far a call lifts the device's memory above what it holds already, in MiB.

    On a CPU there is nothing to ask. The second value is the note of a failure.
    """
    if not on_cuda(device):
        return None, None
    note = None
    free_memory(device)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    try:
        step()
        torch.cuda.synchronize()
    except Exception as error:
        note = describe(error)
    peak = (torch.cuda.max_memory_allocated() - before) / MIB
    if note is not None:
        free_memory(device)
        return None, note
    return peak, None


def summary(timing: Timing) -> dict[str, Any]:
    """Return the median and the quartiles in milliseconds, or the note."""
    if not timing.seconds:
        return {"note": timing.note}
    low = median = high = timing.seconds[0]
    if len(timing.seconds) > 1:
        low, median, high = statistics.quantiles(timing.seconds, n=4, method="inclusive")
    return {
        "median_ms": 1e3 * median,
        "quartile_1_ms": 1e3 * low,
        "quartile_3_ms": 1e3 * high,
        "rounds": len(timing.seconds),
    }


def problem_on(problem: Problem, device: str) -> Problem:
    """Return a problem whose tensors are on the device."""
    moved = {
        name: value.to(device) if isinstance(value, torch.Tensor) else value
        for name, value in problem._asdict().items()
    }
    return problem._replace(**moved)
