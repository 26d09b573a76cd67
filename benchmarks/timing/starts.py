"""``epoch --starts``: how long a new process takes to the first trained step of our network."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch

from benchmarks.timing.epoch import train_steps
from benchmarks.timing.epoch_data import load_epoch_data
from benchmarks.timing.limited_process import run_limited
from benchmarks.timing.tables import Table, number
from benchmarks.timing.trainees import OURS, OURS_COMPILED, Options, make_trainee
from benchmarks.timing.turns import quartiles
from benchmarks.timing.works import Row, Work

EAGER = OURS
COLD, WARM = f"{OURS_COMPILED}, cache empty", f"{OURS_COMPILED}, cache filled"
STARTS = (EAGER, COLD, WARM)
CACHE_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"

NOTES = (
    "each start in a process of its own; cache: PyTorch's on disk, in a temporary folder that the "
    "start with an empty cache fills. Medians of all rounds",
    "preparation: start of Python, imports, data and network; first step: from the first batch to "
    "the changed weights, compilation included; later step: mean of the epoch's others",
    "compilations: graphs that were compiled in an epoch of batches of different sizes",
)


def start_works(
    name: str, options: Options, rounds: int, limit: float, memory_gib: float
) -> Iterator[Work]:
    """Yield one work a round: our network in eager mode, compiled, and compiled again."""
    for round_ in range(rounds):
        run = partial(start_rows, name, options, round_, limit, memory_gib)
        yield Work(f"{name} starts {round_ + 1}", run)


def start_rows(
    name: str, options: Options, round_: int, limit: float, memory_gib: float
) -> list[Row]:
    """Start a process for each way to run our network; return one row each.

    Args:
        name: TU data set.
        options: Of the network and its training.
        round_: Number of the round, from zero.
        limit: Seconds after which a process is stopped.
        memory_gib: Memory at which it is stopped.
    """
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for start in STARTS:
            ready: list[float] = []
            began = time.perf_counter()
            outcome = run_limited(
                first_step,
                (name, options, torch.get_num_threads(), start, cache),
                memory_gib,
                limit,
                lambda text, began=began, ready=ready: ready.append(time.perf_counter() - began),  # type: ignore[misc]
            )
            row = {"kind": "start", "set": name, "contender": start, "round": round_}
            if outcome.value is None:
                row["note"] = outcome.died
            else:
                row |= {"preparation_s": ready[0], **outcome.value}
            rows.append(row)
    return rows


def first_step(
    tell: Callable[[], None],
    data_name: str,
    options: Options,
    threads: int,
    start: str,
    cache: str,
) -> dict[str, Any]:
    """Train an epoch, the first step of which compiles, for :func:`run_limited`."""
    from torch._dynamo.utils import counters

    os.environ[CACHE_VARIABLE] = cache
    torch.set_num_threads(threads)
    network = OURS if start == EAGER else OURS_COMPILED
    trainee = make_trainee(network, load_epoch_data(data_name), options)
    counters.clear()
    tell()
    first = train_steps(trainee, options.device, 1)
    later = train_steps(trainee, options.device)
    return {
        "first_step_s": first.seconds,
        "later_step_ms": 1e3 * later.seconds / later.steps,
        "compilations": counters["stats"]["unique_graphs"],
    }


def start_table(rows: Sequence[Row]) -> Table:
    """Return the table of starts, medians of the rounds."""
    lines = []
    for name in dict.fromkeys(row["set"] for row in rows):
        for start in STARTS:
            own = [row for row in rows if (row["set"], row["contender"]) == (name, start)]
            if not own:
                continue
            done = [row for row in own if "note" not in row]
            line = {"data set": name, "contender": start}
            for head, key, digits in (
                ("preparation s", "preparation_s", ".1f"),
                ("first step s", "first_step_s", ".2f"),
                ("later step ms", "later_step_ms", ".1f"),
                ("compilations", "compilations", ".0f"),
            ):
                median = quartiles([row[key] for row in done])[1] if done else None
                line[head] = number(median, digits)
            line["starts"] = str(len(done))
            line["note"] = "; ".join(row["note"] for row in own if "note" in row)
            lines.append(line)
    return Table("Starts", lines, NOTES, once=("data set",))
