"""Interleaved timings, and peak memory of a process of its own."""

from __future__ import annotations

import multiprocessing
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import psutil
import torch

from benchmarks.coarsen.batches import Problem, tree_like
from benchmarks.coarsen.contenders import CONTENDERS, forward_backward

MIB = 2**20


def interleaved(
    steps: dict[str, Callable[[], object]], rounds: int, seconds: float
) -> dict[str, list[float]]:
    """Time each step once a round, in an order drawn anew for each round.

    The first round warms up and is thrown away. At least three more follow, then no new one begins
    once :obj:`seconds` have passed.
    """
    times: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    started = time.perf_counter()
    for number in range(rounds + 1):
        if number > 3 and time.perf_counter() - started > seconds:
            break
        # In a fixed order, one contender would always follow the one that leaves memory in pieces.
        for name in random.Random(number).sample(names, len(names)):
            begin = time.perf_counter()
            steps[name]()
            if number:
                times[name].append(time.perf_counter() - begin)
    return times


def time_contenders(
    names: Iterable[str], problems: list[Problem], rounds: int, seconds: float
) -> dict[str, list[float]]:
    """Return seconds a batch (the mean of the problems) of each contender and round."""

    def step(name: str) -> Callable[[], None]:
        contender = CONTENDERS[name]
        prepared = [contender.prepare(problem) for problem in problems]

        def run() -> None:
            for problem in prepared:
                forward_backward(contender, problem)

        return run

    times = interleaved({name: step(name) for name in names}, rounds, seconds)
    return {name: [taken / len(problems) for taken in series] for name, series in times.items()}


def summary(times: list[float]) -> dict[str, float]:
    """Return the median, the quartiles and the number of timings, in milliseconds."""
    low, median, high = statistics.quantiles(times, n=4, method="inclusive")
    return {
        "median_ms": 1e3 * median,
        "quartile_1_ms": 1e3 * low,
        "quartile_3_ms": 1e3 * high,
        "rounds": len(times),
    }


def peak_memory(name: str, problem: Problem) -> float:
    """Return how far one forward and backward pass lifts a fresh process above its start, in MiB.

    The start is the resident memory once everything is imported, the problem is loaded and a tiny
    problem has been run, so that libraries and thread pools do not count.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_peak, name, problem, torch.get_num_threads()).result()


def _peak(name: str, problem: Problem, threads: int) -> float:
    torch.set_num_threads(threads)
    contender = CONTENDERS[name]
    tiny = tree_like(torch.tensor([4, 3]), seed=0, num_clusters=2, num_features=2)
    forward_backward(contender, contender.prepare(tiny))
    problem = contender.prepare(problem)
    reset_high_water_mark()
    start = psutil.Process().memory_info().rss
    forward_backward(contender, problem)
    return max(high_water_mark() - start, 0) / MIB


def reset_high_water_mark() -> None:
    """Forget what importing needed; where that cannot be done, small peaks read too low."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def high_water_mark() -> int:
    """Return the largest resident memory so far, in bytes.

    ``ru_maxrss`` would be simpler, but Linux hands it down from the parent to a spawned process.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
