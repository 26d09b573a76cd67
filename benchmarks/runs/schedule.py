"""Runs the missing cells of a table, cheapest run first, until all are there or time is up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.runs import runner
from benchmarks.runs.budget import Budget
from benchmarks.runs.engine import Engine
from benchmarks.runs.estimate import Expected, Timings, duration_text, expected
from benchmarks.runs.paper_cells import Row, missing_cells
from benchmarks.runs.plan import Plan
from benchmarks.spec.cell import Cell
from benchmarks.spec.errors import UsageError


class Work(NamedTuple):
    """A run with missing cells, and how long they are expected to take."""

    plan: Plan
    cells: list[Cell]
    expected: Expected


def missing_work(rows: Sequence[Row], results: Path, timings: Timings) -> list[Work]:
    """Return the runs with missing cells, those with the least expected time first.

    A run of which nothing is known takes the place that a typical method of its size would.
    """
    keyed: list[tuple[float, int, Work]] = []
    for number, row in enumerate(rows):
        cells = row.missing(results)
        if row.plan is None or not cells:
            continue
        time = expected(timings, row.plan, cells)
        guessed = sum(timings.guess(cell) for cell in cells) * time.unknown / len(cells)
        keyed.append((time.seconds + guessed, number, Work(row.plan, cells, time)))
    return [work for _, _, work in sorted(keyed, key=lambda entry: entry[:2])]


def announce(rows: Sequence[Row], works: Sequence[Work], jobs: int, console: Console) -> None:
    """Print what is missing, and about how long it will take with so many processes."""
    planned = [row.plan for row in rows if row.plan is not None]
    total = sum(len(plan.cells()) for plan in planned)
    missing = sum(len(work.cells) for work in works)
    unknown = sum(work.expected.unknown for work in works)
    if works:
        table = Table(title="missing cells, in the order of work")
        for head in ("data set", "method", "missing", "about, each", "by the times of"):
            table.add_column(head)
        for work in works:
            known = len(work.cells) - work.expected.unknown
            each = duration_text(work.expected.seconds / known) if known else "unknown"
            table.add_row(
                work.plan.dataset,
                work.plan.method,
                f"{len(work.cells)} of {len(work.plan.cells())}",
                each,
                work.expected.basis,
            )
        console.print(table)
    text = f"{missing} of {total} cells are missing"
    if missing > unknown:
        seconds = sum(work.expected.seconds for work in works) / jobs
        text += f"; about {duration_text(seconds)} with {jobs} jobs"
        if unknown:
            text += f" for {missing - unknown} of them"
    if unknown:
        text += f"; the time of {unknown} is unknown, no cell of the method is timed yet"
    console.print(text, soft_wrap=True, highlight=False)


def run_missing(
    rows: Sequence[Row],
    results: Path,
    jobs: int,
    budget: Budget,
    console: Console,
    engine: Engine | None = None,
) -> int:
    """Run what is missing and return how many cells failed.

    After each run the order is made anew, since its times may tell those of others. No cell is
    begun that is expected to end beyond the budget; one that is still running there is stopped.

    Raises:
        KeyboardInterrupt: If stopped by the user, not by the budget.
    """
    failed = 0
    done: set[str] = set()
    try:
        with budget.interrupts():
            while True:
                left = [row for row in rows if row.plan is not None and row.plan.run_id not in done]
                timings = Timings(results)
                plan = _next_plan(missing_work(left, results, timings), timings, budget)
                if plan is None:
                    break
                done.add(plan.run_id)
                admit = _admission(plan, timings, budget)
                try:
                    failed += runner.run(plan, results, jobs, console, admit, engine=engine)
                except UsageError as error:
                    # Refused, as a kernel is that has no room; the other runs may have.
                    console.print(f"{plan.run_id}: {error}", markup=False, soft_wrap=True)
                    failed += len(missing_cells(plan, results))
    except KeyboardInterrupt:
        if not budget.spent:
            raise
    if sum(len(row.missing(results)) for row in rows) > failed:
        console.print("the budget is spent; finished cells are kept, and the same command goes on")
    return failed


def _next_plan(works: Sequence[Work], timings: Timings, budget: Budget) -> Plan | None:
    """Return the first run of which a cell may begin."""
    for work in works:
        admit = _admission(work.plan, timings, budget)
        if any(map(admit, {cell.configuration: cell for cell in work.cells}.values())):
            return work.plan
    return None


def _admission(plan: Plan, timings: Timings, budget: Budget) -> Callable[[Cell], bool]:
    """Return what is asked before a cell begins; the times of cells just finished count."""

    def admit(cell: Cell) -> bool:
        return not budget.limited or budget.allows(timings.of(plan, cell).seconds)

    return admit
