"""Training time of DiffPool against flat GraphSAGE and Set2Set, in turns on the same batches."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from torch_geometric.data import Batch

from benchmarks.dataset import cached_dataset
from benchmarks.device import choose_device, synchronise
from benchmarks.jsonl import ResultLines
from benchmarks.paper import timing_table
from benchmarks.paper.budget import Budget
from benchmarks.paper.cells import refuse_unknown
from benchmarks.paper.contenders import BASELINE, CONTENDERS, TimingData, Trainee, load_timing_data
from benchmarks.paper.set2set_steps import SHORT, full_time, measurable_steps

__all__ = ["CONTENDERS", "run"]

SEED = 0
WARM_UP = 2
SHORT_NAME, FULL_NAME = "set2set-3", "set2set-largest"

Row = dict[str, Any]


def run(
    datasets: Sequence[str],
    rounds: int,
    batches: int,
    device: str,
    budget: Budget,
    dry_run: bool,
    format_: str,
    folder: Path,
    console: Console,
) -> None:
    """Measure the data sets one by one, each row stored when its data set is done, and print.

    Args:
        datasets: Their names; those without data are told and left out.
        rounds: Turns of each contender on each batch.
        batches: Number of batches.
        device: ``auto``, ``cpu`` or ``cuda``.
        budget: No data set is begun when it is spent, and one in progress is given up.
        dry_run: Measure nothing, print the latest rows stored.
        format_: Of the table.
        folder: Where rows are stored.
        console: Where progress is told.
    """
    if dry_run:
        timing_table.show(timing_table.latest_rows(folder), {}, format_)
        return
    device = choose_device(device)
    lines = ResultLines(folder, {"rounds": rounds, "batches": batches, "device": device}, SEED)
    absent: dict[str, str] = {}
    try:
        with budget.interrupts():
            for name in datasets:
                try:
                    dataset = cached_dataset(name)
                except FileNotFoundError as error:
                    refuse_unknown({name: str(error)})
                    absent[name] = str(error)
                    console.print(f"{name}: data not found ({error})", markup=False)
                    continue
                data = load_timing_data(name, dataset, device, SEED)
                with console.status(f"{name}: in turns on {batches} batches"):
                    lines.add(name, measure(data, rounds, batches, device, SEED))
    except KeyboardInterrupt:
        if not budget.spent:
            raise
        console.print("the budget is spent; the data sets that were finished are kept")
    timing_table.show(lines.rows, absent, format_)
    if lines.rows:
        console.print(f"{len(lines.rows)} rows in {lines.path}", soft_wrap=True)


def measure(data: TimingData, rounds: int, batches: int, device: str, seed: int) -> list[Row]:
    """Let the contenders take turns on the same batches, and return one row each."""
    chosen = list(islice(data.loader, batches))
    steps = {SHORT_NAME: SHORT, FULL_NAME: data.largest}
    trainees = {
        name: data.trainee(method, steps.get(name), seed) for name, method in CONTENDERS.items()
    }
    measured = measurable_steps(data, trainees[SHORT_NAME], chosen, rounds, device, seed)
    if measured < data.largest:
        trainees[FULL_NAME] = data.trainee(CONTENDERS[FULL_NAME], measured, seed)
    seconds = take_turns(trainees, chosen, rounds, device, seed)
    if measured < data.largest:
        seconds[FULL_NAME] = full_time(
            seconds[SHORT_NAME], seconds[FULL_NAME], measured, data.largest
        )
    rows = []
    for name, trainee in trainees.items():
        rows.append(
            {
                "set": data.name,
                "contender": name,
                **_statistics(seconds, name),
                "rounds": rounds,
                "batches": len(chosen),
                "batch_size": data.loader.batch_size,
                "largest_graph": data.largest,
                "processing_steps": steps.get(name),
                "measured_steps": measured if name == FULL_NAME else steps.get(name),
                "clusters": trainee.clusters,
                "parameters": trainee.parameters,
                "settings": trainee.settings.as_dict(),
            }
        )
    return rows


def take_turns(
    trainees: dict[str, Trainee], batches: Sequence[Batch], rounds: int, device: str, seed: int
) -> dict[str, np.ndarray]:
    """Return the seconds of each training step, ``[rounds, batches]`` a contender.

    All train on one batch, in an order drawn anew, before any sees the next.
    """
    for trainee in trainees.values():
        for batch in batches[:WARM_UP]:
            trainee.step(batch)
    order = random.Random(seed)
    seconds = {name: np.zeros((rounds, len(batches))) for name in trainees}
    for turn in range(rounds):
        for number, batch in enumerate(batches):
            for name in order.sample(list(trainees), len(trainees)):
                seconds[name][turn, number] = step_seconds(trainees[name], batch, device)
    return seconds


def step_seconds(trainee: Trainee, batch: Batch, device: str) -> float:
    """Time forward, backward and optimiser step on a batch, all of the device's work included."""
    synchronise(device)
    began = time.perf_counter()
    trainee.step(batch)
    synchronise(device)
    return time.perf_counter() - began


def _statistics(seconds: dict[str, np.ndarray], name: str) -> Row:
    """Return times and ratios of a contender: medians over the rounds.

    Batches differ in size, so that a round's ratio is one of sums over its batches.
    """
    own = seconds[name]
    row: Row = {
        "median_step_s": float(np.median(own)),
        "batches_s": float(np.median(own, axis=0).sum()),
    }
    for rival in (BASELINE, "diffpool"):
        other = seconds[rival]
        by_round = own.sum(axis=1) / other.sum(axis=1)
        row[f"ratio_to_{rival}"] = float(np.median(by_round))
        row[f"ratio_to_{rival}_low"] = float(by_round.min())
        row[f"ratio_to_{rival}_high"] = float(by_round.max())
    return row
