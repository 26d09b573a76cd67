"""``paper --table time``: training time beside what the paper claims of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.data.dataset import cached_dataset
from benchmarks.records.rows import ResultLines
from benchmarks.runs.budget import Budget
from benchmarks.runs.paper_cells import refuse_unknown
from benchmarks.spec.device import choose_device
from benchmarks.timing import claim_table
from benchmarks.timing.claim import measure
from benchmarks.timing.claim_contenders import CONTENDERS, load_timing_data

__all__ = ["CONTENDERS", "run"]

SEED = 0


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
        claim_table.show(claim_table.latest_rows(folder), {}, format_)
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
    claim_table.show(lines.rows, absent, format_)
    if lines.rows:
        console.print(f"{len(lines.rows)} rows in {lines.path}", soft_wrap=True)
