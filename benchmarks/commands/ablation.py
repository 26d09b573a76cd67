"""``python -m benchmarks ablation``: from the paper's network to ours, one change at a time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.commands.cli import parse_numbers
from benchmarks.commands.mistakes import tell_left_out
from benchmarks.commands.options import LARGEST_SEED
from benchmarks.records.output_path import check_folder
from benchmarks.records.plain_console import PlainConsole
from benchmarks.records.store import RESULTS
from benchmarks.records.table_format import check_format, score_text
from benchmarks.runs import runner
from benchmarks.runs.paper_cells import find_splits, splits_folder
from benchmarks.runs.plan import make_plan
from benchmarks.spec.ladder import LADDER, settings_of
from benchmarks.tables.scores import result_rows
from benchmarks.timing.tables import Table, show_tables

METHOD, PROTOCOL = "diffpool", "fair"
NOTES = (
    "each line keeps the changes of all lines above it; the first is DiffPoolNet.paper",
    "accuracy: mean ± population standard deviation over the folds named, protocol fair",
    "gain: difference to the line above",
)


def ablation(
    dataset: Annotated[str, typer.Option(help="TU data set.")] = "ENZYMES",
    folds: Annotated[str, typer.Option(help="Folds, such as 0-9 or 0,3.")] = "0-4",
    seeds: Annotated[str, typer.Option(help="Seeds, such as 0 or 0-2; they are averaged.")] = "0",
    splits: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder of published splits, or own; see `paper`."),
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=0, help="Processes of one thread each; 0: one a core.")
    ] = 0,
    only_table: Annotated[
        bool, typer.Option("--only-table", help="Train nothing, print what there is.")
    ] = False,
    format_: Annotated[
        str, typer.Option("--format", help="rich, markdown or json (stdout is the table alone).")
    ] = "rich",
    out: Annotated[
        Path, typer.Option(help="Folder of results.", metavar="DIR", show_default=False)
    ] = RESULTS / "ablation",
) -> None:
    """Train the ladder's networks and print what each change is worth; resumes a stopped run."""
    check_format(format_)
    if not only_table:
        check_folder("--out", out)
    console = PlainConsole(stderr=True)
    found = find_splits(splits_folder(splits), dataset)
    plans = [
        make_plan(
            dataset,
            METHOD,
            PROTOCOL,
            settings_of(number),
            parse_numbers("--folds", folds),
            parse_numbers("--seeds", seeds, largest=LARGEST_SEED),
            found,
            recipe=False,
        )
        for number in range(len(LADDER))
    ]
    failed = 0
    try:
        for plan in plans if not only_table else ():
            failed += runner.run(plan, out, jobs or os.cpu_count() or 1, console)
    except KeyboardInterrupt:
        console.print("\nstopped; finished cells are kept, and the same command resumes")
        raise typer.Exit(130) from None
    rows = result_rows(out, PROTOCOL, all_runs=True) if out.is_dir() else []
    lines = ladder_lines({row["run"]: row for row in rows}, [plan.run_id for plan in plans])
    show_tables(
        lines, [Table(f"From the paper's network to ours, {dataset}", lines, NOTES)], format_
    )
    if out.is_dir():
        tell_left_out(out)
    if failed:
        raise typer.Exit(1)


def ladder_lines(rows: Mapping[str, dict[str, Any]], run_ids: list[str]) -> list[dict[str, str]]:
    """Return one line for each rung, with what it adds to the one above on the same folds.

    Args:
        rows: Rows of results by run.
        run_ids: The run of each rung.
    """
    lines, before = [], None
    for rung, run_id in zip(LADDER, run_ids, strict=True):
        row = rows.get(run_id)
        line = {
            "change": rung.label,
            **dict.fromkeys(("accuracy %", "gain", "folds", "seeds", "run"), "–"),
        }
        if row is not None:
            line |= {"accuracy %": score_text(row), "run": run_id}
            line |= {key: row[key] for key in ("folds", "seeds")}
            if before is not None and (before["folds"], before["seeds"]) == (
                row["folds"],
                row["seeds"],
            ):
                line["gain"] = f"{row['mean'] - before['mean']:+.2f}"
        lines.append(line)
        before = row
    return lines
