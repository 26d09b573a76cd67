"""``python -m benchmarks paper``: the paper's tables with ours beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.commands.cli import device_overrides, parse_numbers
from benchmarks.commands.mistakes import tell_left_out
from benchmarks.commands.options import LARGEST_SEED, EngineName, EngineOptions, GpusPerCell
from benchmarks.commands.paper_time import time_training
from benchmarks.commands.stopwatch import names_of
from benchmarks.records.output_path import check_folder
from benchmarks.records.plain_console import PlainConsole
from benchmarks.records.store import RESULTS
from benchmarks.runs import schedule
from benchmarks.runs.budget import Budget
from benchmarks.runs.engine import EngineRequest
from benchmarks.runs.engines import make_engine, parse_options
from benchmarks.runs.estimate import Timings, parse_duration
from benchmarks.runs.paper_cells import (
    TABLES,
    Request,
    Rows,
    check_names,
    find_splits,
    plan_rows,
    refuse_unknown,
    splits_folder,
)
from benchmarks.spec.cell import PROTOCOLS
from benchmarks.spec.errors import UsageError, unknown_name
from benchmarks.tables import paper_layout as layout
from benchmarks.timing import claim_table
from benchmarks.timing.claim_contenders import CONTENDERS

_FORMATS = ("rich", "markdown", "json")
TIME = "time"


def paper(
    table: Annotated[
        str, typer.Option(help="1, 2, or time: training times beside the paper's claim.")
    ] = "1",
    protocol: Annotated[
        str,
        typer.Option(help="fair, or reference (the paper's, optimistic); see `run`."),
    ] = "fair",
    datasets: Annotated[
        str | None,
        typer.Option(
            help="Names with commas between; all of the table whose data are found, if none."
        ),
    ] = None,
    methods: Annotated[
        str | None, typer.Option(help="Names with commas between; all of the table, if none.")
    ] = None,
    folds: Annotated[str, typer.Option(help="Folds, such as 0-9 or 0,3.")] = "0-9",
    seeds: Annotated[str, typer.Option(help="Seeds, such as 0 or 0-2; they are averaged.")] = "0",
    splits: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder of published splits, NAME_splits.json or NAME_full_splits.json in it or "
            "in its CHEMICAL or COLLABORATIVE_1; own: stratified splits made here. Default: "
            "$PYG_DIFFPOOL_DATA/splits where it is there, else own.",
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            min=0,
            help="Processes of one thread each; 0: one a core, or as the engine has room.",
        ),
    ] = 0,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Stop after so long, such as 90m, 2h or 30s; all finished stays."
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto (a GPU where there is one), cpu or cuda.")
    ] = "auto",
    rounds: Annotated[
        int, typer.Option(min=1, help="Of --table time: turns of each contender.")
    ] = 5,
    batches: Annotated[
        int, typer.Option(min=1, help="Of --table time: batches on which each takes its turn.")
    ] = 10,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "--only-table", help="Train nothing, print what there is.")
    ] = False,
    format_: Annotated[
        str, typer.Option("--format", help="rich, markdown or json (stdout is the table alone).")
    ] = "rich",
    out: Annotated[
        Path, typer.Option(help="Folder of results.", metavar="DIR", show_default=False)
    ] = RESULTS,
    engine: EngineName = "local",
    engine_option: EngineOptions = None,
    gpus_per_cell: GpusPerCell = 0.0,
) -> None:
    """Fill a table of the paper, cell by cell; the same command goes on with a stopped one."""
    for kind, value, known in (
        ("table", table, (*TABLES, TIME)),
        ("protocol", protocol, PROTOCOLS),
        ("format", format_, _FORMATS),
    ):
        if value not in known:
            raise unknown_name(kind, value, known)
    if not dry_run:
        check_folder("--out", out)
    limit = Budget(None if budget is None else parse_duration("--budget", budget))
    console = PlainConsole(stderr=True)
    if table == TIME:
        if methods is not None:
            raise UsageError(f"--methods: --table time compares {', '.join(CONTENDERS)}")
        names = _names("--datasets", datasets, TABLES["1"][0])
        if dry_run:
            claim_table.show(claim_table.latest_rows(out / TIME), (), format_)
        else:
            time_training(names, rounds, batches, device, limit, format_, out / TIME)
        return
    request = Request(
        protocol,
        dict(device_overrides(device, gpus_per_cell)),
        parse_numbers("--folds", folds),
        parse_numbers("--seeds", seeds, largest=LARGEST_SEED),
        splits_folder(splits),
        out,
        gpus_elsewhere=gpus_per_cell > 0,
    )
    columns, lines = TABLES[table]
    columns = _names("--datasets", datasets, columns)
    lines = _names("--methods", methods, lines)
    check_names(columns, lines if methods is not None else ())
    with console.status("reading the data") as status:
        rows = plan_rows(columns, lines, request, status.update)
    refuse_unknown(rows.absent)
    _tell_rows(rows, request, console)
    count = jobs or os.cpu_count() or 1
    schedule.announce(
        rows.rows, schedule.missing_work(rows.rows, out, Timings(out)), count, console
    )
    failed = 0
    try:
        if not dry_run:
            options = parse_options(engine_option or [])
            placed = make_engine(engine, EngineRequest(jobs, gpus_per_cell, options))
            failed = schedule.run_missing(rows.rows, out, count, limit, console, placed)
    except KeyboardInterrupt:
        console.print("\nstopped; finished cells are kept, and the same command resumes")
        raise typer.Exit(130) from None
    layout.show(layout.paper_table(table, protocol, columns, lines, rows, out), format_)
    tell_left_out(out)
    if failed:
        console.print(f"{failed} cells failed; the same command retries those that may succeed")
    unplanned = [row for row in rows.rows if row.problem]
    if not dry_run and (failed or unplanned):
        # Where nothing can be run, what was asked for is at fault.
        raise typer.Exit(2 if len(unplanned) == len(rows.rows) else 1)


def _names(option: str, text: str | None, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of an option, each once, or the default."""
    if text is None:
        return default
    names = tuple(names_of(text))
    if not names:
        raise UsageError(f"{option}: expected names with commas between, got {text!r}")
    return names


def _tell_rows(rows: Rows, request: Request, console: Console) -> None:
    """Say which data are not found, what cannot be run, and on which folds the rest is."""
    for dataset, reason in rows.absent.items():
        console.print(f"{dataset}: data not found ({reason})", markup=False, soft_wrap=True)
    for row in rows.rows:
        if row.problem:
            text = f"{row.dataset}, {row.method}: cannot be run: {row.problem}"
            console.print(text, markup=False, soft_wrap=True)
    planned = dict.fromkeys(row.dataset for row in rows.rows if row.plan is not None)
    published = [name for name in planned if find_splits(request.splits, name) is not None]
    own = [name for name in planned if name not in published]
    if published:
        text = f"published folds of {request.splits}: {', '.join(published)}"
        console.print(text, markup=False, soft_wrap=True)
    if own:
        console.print(f"own stratified folds: {', '.join(own)}", markup=False, soft_wrap=True)
