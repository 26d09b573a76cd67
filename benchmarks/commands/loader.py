"""``python -m benchmarks loader``: batches a second of ResidentLoader against PyG's DataLoader."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated

import typer

from benchmarks.commands import options
from benchmarks.commands.stopwatch import Session
from benchmarks.data.registry import read_graphs
from benchmarks.records.store import RESULTS
from benchmarks.timing.loader import REQUIRED, loading_rows, show
from benchmarks.timing.works import Row, Work


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
    resume: options.Resume = None,
) -> list[Row]:
    """Time shuffled passes over whole data sets, loaders taking turns; nothing is trained."""
    config = {"batch_size": batch_size, "rounds": rounds, "seconds": seconds}
    session = Session(format_, out, config, 0, threads, resume)

    def works() -> Iterator[Work]:
        for name in data or REQUIRED:
            graphs = session.load(name, partial(read_graphs, name), asked=bool(data))
            if graphs is not None:
                run = partial(loading_rows, name, graphs, batch_size, rounds, seconds)
                yield Work(name, run)

    session.run(works())
    return session.finish(show)
