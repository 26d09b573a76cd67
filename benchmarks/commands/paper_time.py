"""``paper --table time``: training time beside what the paper claims of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.commands.stopwatch import Session
from benchmarks.data.registry import listed_names, read_graphs
from benchmarks.runs.budget import Budget
from benchmarks.spec.device import choose_device
from benchmarks.timing import claim_table
from benchmarks.timing.claim import measure
from benchmarks.timing.claim_contenders import load_timing_data
from benchmarks.timing.works import Work

SEED = 0


def time_training(
    datasets: Sequence[str],
    rounds: int,
    batches: int,
    device: str,
    budget: Budget,
    format_: str,
    folder: Path,
) -> None:
    """Measure the data sets one by one, each row stored when its data set is done, and print.

    Args:
        datasets: Their names; those without data are told and left out.
        rounds: Turns of each contender on each batch.
        batches: Number of batches.
        device: ``auto``, ``cpu`` or ``cuda``.
        budget: No data set is begun when it is spent, and one in progress is given up.
        format_: Of the table.
        folder: Where rows are stored.
    """
    device = choose_device(device)
    config = {"rounds": rounds, "batches": batches, "device": device}
    session = Session(format_, folder, config, SEED)
    absent: list[str] = []

    def works() -> Iterator[Work]:
        for name in datasets:
            dataset = session.load(name, partial(read_graphs, name), name not in listed_names())
            if dataset is None:
                absent.append(name)
                continue
            data = load_timing_data(name, dataset, device, SEED)
            yield Work(name, partial(measure, data, rounds, batches, device, SEED))

    session.run(works(), budget=budget, resumable=False)
    session.finish(lambda rows, style: claim_table.show(rows, absent, style))
