"""``python -m benchmarks loader``: batches a second of ResidentLoader against PyG's DataLoader."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from benchmarks.commands import options
from benchmarks.commands.stopwatch import load_or_skip, prepare, tell_stored
from benchmarks.data.tu_dataset import load_dataset
from benchmarks.records.plain_console import PlainConsole
from benchmarks.records.rows import ResultLines
from benchmarks.records.store import RESULTS
from benchmarks.timing.loader import REQUIRED, loading_rows, show


def loader(
    data: Annotated[list[str] | None, typer.Option(help="TU data sets; may be repeated.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Graphs in a batch.")] = 32,
    rounds: Annotated[int, typer.Option(min=3, help="Passes of each loader.")] = 7,
    seconds: Annotated[
        float, typer.Option(min=0, help="Begin no further round of a data set after so long.")
    ] = 60.0,
    threads: options.Threads = 0,
    format_: options.Format = "rich",
    out: options.OutFolder = RESULTS / "loader",
) -> list[dict[str, Any]]:
    """Time shuffled passes over whole data sets, loaders taking turns; nothing is trained."""
    prepare(format_, out, threads)
    console = PlainConsole(stderr=True)
    config = {"batch_size": batch_size, "rounds": rounds, "seconds": seconds}
    lines = ResultLines(out, config, seed=0)
    for name in data or REQUIRED:
        graphs = load_or_skip(name, partial(load_dataset, name), console, asked=bool(data))
        if graphs is not None:
            with console.status(f"{name}: running"):
                lines.add(name, loading_rows(name, graphs, batch_size, rounds, seconds))
    if lines.rows:
        show(lines.rows, format_)
    tell_stored(lines, console)
    return lines.rows
