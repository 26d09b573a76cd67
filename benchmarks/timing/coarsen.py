"""Coarsening with both losses, forward and backward: contenders in turns on a set of batches."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch

from benchmarks.timing import oracle
from benchmarks.timing.batches import Problem, shape, tree_like
from benchmarks.timing.limited_process import describe, run_limited
from benchmarks.timing.machine import Rates, limit
from benchmarks.timing.memory import GIB, Peak, device_peak
from benchmarks.timing.pooling_rivals import POOLINGS
from benchmarks.timing.rivals import (
    COMPILED,
    CONTENDERS,
    Contender,
    all_of,
    errors,
    expected,
    forward_backward,
)
from benchmarks.timing.turns import free_memory, on_cuda, summary, take_turns, timed

Row = dict[str, Any]

LARGE = "100,000 nodes"
# A process of its own repeats what takes less, to leave the first run, with its page faults, out.
WARMED_UP_BELOW, MOST_RUNS = 10.0, 9


def set_rows(
    name: str,
    problems: Sequence[Problem],
    contenders: Mapping[str, Contender],
    rounds: int,
    seconds: float,
    *,
    device: str = "cpu",
    warm_up: int = 1,
    memory: bool = True,
    rates: Rates | None = None,
    checked: Sequence[Problem] | None = None,
) -> list[Row]:
    """Time all contenders on a set, in turns; return a row each.

    Args:
        name: Name of the set.
        problems: Its batches, on the device.
        contenders: Who takes part.
        rounds: Timings of each.
        seconds: Begin no new round after so long.
        device: Where they work.
        warm_up: Calls of each before all timings.
        memory: Whether peak memory is measured: on a GPU of one pass on the largest batch, on a CPU
            of one in a process of its own.
        rates: What the machine can do, to tell how far ours is from it.
        checked: Batches on which results are compared with exact ones. (default: all)
    """
    oracle.oracles()  # Before the time is spent, should they be missing.
    steps = {contender: all_of(given, problems) for contender, given in contenders.items()}
    times = take_turns(steps, rounds, seconds, device, warm_up, keep_going=True)
    limits = {} if rates is None else limit(problems, rates)
    checked = problems if checked is None else checked
    exact = {
        convention: [expected(problem, given) for problem in checked]
        for convention, given in {given.convention: given for given in contenders.values()}.items()
    }
    largest = max(problems, key=lambda problem: problem.largest)
    rows = []
    for contender, given in contenders.items():
        row = {"set": name, "contender": contender, **shape(problems)}
        row |= summary(times[contender], len(problems))
        rows.append(row)
        if "median_ms" not in row:
            continue
        if limits and contender.startswith("ours"):
            row |= {"limit": limits, "times_limit": row["median_ms"] / limits["limit_ms"]}
        row["peak_mib"] = None
        # A process of its own would compile anew, for far longer than all others take.
        if memory and contender != COMPILED:
            row |= _peak(contender, given, largest, device)
        row["relative_errors"] = _worst_errors(given, checked, exact[given.convention])
        free_memory(device)
    return rows


def _worst_errors(
    contender: Contender, problems: Sequence[Problem], exact: Sequence[Any]
) -> dict[str, float] | str | None:
    worst: dict[str, float] = {}
    try:
        for problem, right in zip(problems, exact, strict=True):
            for kind, error in errors(contender, problem, right).items():
                worst[kind] = max(worst.get(kind, 0.0), error)
    except RuntimeError as error:
        return describe(error)
    return worst or None


def _peak(name: str, contender: Contender, problem: Problem, device: str) -> Row:
    if on_cuda(device):
        peak, note = device_peak(all_of(contender, [problem]), device)
        return {"peak_mib": peak, "peak_note": note}
    return {"peak_mib": peak_alone(name, problem)}


def peak_alone(contender: str, problem: Problem) -> float | None:
    """Return how far one pass lifts a fresh process above its start, in MiB, or None if it dies."""
    arguments = (contender, partial(Problem, *problem), torch.get_num_threads())
    outcome = run_limited(measure_alone, arguments)
    return None if outcome.died else outcome.value["peak_mib"]


def measure_alone(
    tell: Callable[[], None],
    contender: str,
    make: Callable[[], Problem],
    threads: int,
    device: str = "cpu",
    memory_gib: float | None = None,
    seconds: float = 0.0,
) -> Row:
    """Time both passes of a contender and take their peak memory, for :func:`run_limited`.

    Memory is counted above what the process has once the batch is there and a tiny one has been
    run, so that libraries and thread pools do not count. The first run gives the peak, and only
    warms up if it is short.

    Args:
        tell: Called when the preparations are done.
        contender: Name of a contender.
        make: Returns the batch.
        threads: Torch threads.
        device: Where it works.
        memory_gib: Memory of a GPU that the process may have.
        seconds: It is run again until so many have passed, nine times at most.
    """
    # Beta warnings of torch, anew for each process.
    warnings.filterwarnings("ignore", category=UserWarning)
    torch.set_num_threads(threads)
    if on_cuda(device) and memory_gib is not None:
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, memory_gib * GIB / total))
    given = {**CONTENDERS, **POOLINGS}[contender]
    tiny = tree_like(torch.tensor([4, 3]), seed=0, num_clusters=2, num_features=2).on(device)
    forward_backward(given, given.prepare(tiny))
    problem = make().on(device)
    step = all_of(given, [problem])
    tell()
    peak = Peak(device)
    times = [timed(step, device)]
    peak_mib = peak.mib()
    if seconds and times[0] < WARMED_UP_BELOW:
        times = [timed(step, device)]
    while sum(times) < seconds and len(times) < MOST_RUNS:
        times.append(timed(step, device))
    return {
        "median_ms": 1e3 * statistics.median(times),
        "runs": len(times),
        "peak_mib": peak_mib,
        "edges_kept": problem.edge_index.size(1),
    }
