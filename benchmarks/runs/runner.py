"""Runs the cells that a store lacks; a killed run goes on where it stopped."""

import datetime
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from benchmarks.data.registry import find_source
from benchmarks.records.provenance import code_version, machine, package_versions
from benchmarks.records.store import RunStore
from benchmarks.runs.engine import Engine
from benchmarks.runs.engines.local import LocalEngine
from benchmarks.runs.plan import Plan
from benchmarks.runs.worker import CellFailure, CellTask, summary
from benchmarks.spec.cell import Cell
from benchmarks.training.engines import engine_of


def run(
    plan: Plan,
    results: Path,
    jobs: int,
    console: Console,
    admit: Callable[[Cell], bool] = lambda cell: True,
    logs: Path | None = None,
    engine: Engine | None = None,
) -> int:
    """Run the plan's missing cells and return how many failed.

    Args:
        plan: What to run.
        results: Folder of results.
        jobs: Processes of one thread each, here.
        console: Where progress is told.
        admit: Asked when there is room for a cell; a cell that it refuses is left out.
        logs: Folder of TensorBoard's event files, in a folder a cell. (default: none are written)
        engine: Where cells run. (default: in ``jobs`` processes)
    """
    store = RunStore(results, plan.run_id)
    _describe(plan, store)
    cells = plan.cells()
    unfinished = [c for c in cells if not store.has(c.configuration, c.fold, c.seed)]
    missing = [c for c in unfinished if not store.has_failed(c.configuration, c.fold, c.seed)]
    console.print(f"results: {store.folder}", soft_wrap=True, highlight=False, markup=False)
    if len(unfinished) < len(cells):
        console.print(f"{len(cells) - len(unfinished)} of {len(cells)} cells are finished already")
    if len(missing) < len(unfinished):
        console.print(
            f"{len(unfinished) - len(missing)} of {len(cells)} cells have failed before, and would "
            f"again; to train them all the same, delete {store.folder / 'failed'}",
            soft_wrap=True,
        )
    engine_of(plan.method).prepare(find_source(plan.dataset), missing, jobs, console)
    failures: list[CellFailure] = []
    if missing:
        engine = engine or LocalEngine(jobs)
        failures = _run_missing(
            engine, CellTask(store, code_version(), logs), plan, missing, admit, console
        )
    for failure in failures:
        console.print(f"\n{summary(failure.cell)}:\n{failure.text}", markup=False)
    return len(failures) + len(unfinished) - len(missing)


def _run_missing(
    engine: Engine,
    task: CellTask,
    plan: Plan,
    missing: Sequence[Cell],
    admit: Callable[[Cell], bool],
    console: Console,
) -> list[CellFailure]:
    """Run cells, tell of each as it is there, and return those that failed.

    What is in flight is stopped however this ends, by an interrupt or an error.
    """
    failures: list[CellFailure] = []
    total = len(plan.cells())
    with _progress(console) as progress:
        bar = progress.add_task(plan.run_id, total=total, completed=total - len(missing))
        with closing(engine.outcomes(task, missing, admit)) as outcomes:
            for outcome in outcomes:
                progress.advance(bar)
                if isinstance(outcome, CellFailure):
                    failures.append(outcome)
                    progress.console.print(f"failed {summary(outcome.cell)}", style="red")
                else:
                    progress.console.print(outcome, highlight=False, soft_wrap=True)
    return failures


def _describe(plan: Plan, store: RunStore) -> None:
    """Write run.json at the run's start; later commands add their folds and seeds to it."""
    before = store.read_run() or {}
    splits = {**plan.identity["splits"], "file": plan.splits.name if plan.splits else None}
    store.write_run(
        {
            "run": plan.run_id,
            **plan.identity,
            "splits": splits,
            "folds": sorted({*before.get("folds", []), *plan.folds}),
            "seeds": sorted({*before.get("seeds", []), *plan.seeds}),
            "started": before.get("started")
            or datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "code": before.get("code") or code_version(),
            "packages": before.get("packages") or package_versions(),
            "machine": before.get("machine") or machine(),
        }
    )


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("remaining"),
        TimeRemainingColumn(),
        console=console,
        # Cells take minutes: the estimate must look back further than rich's 30 s.
        speed_estimate_period=3600.0,
    )
