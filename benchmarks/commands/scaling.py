"""``python -m benchmarks scaling``: time and peak memory of coarsening against size."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.commands import options
from benchmarks.commands.stopwatch import Session, check_names, names_of
from benchmarks.records.store import RESULTS
from benchmarks.spec.device import choose_device
from benchmarks.spec.errors import UsageError
from benchmarks.timing.limited_process import default_memory_gib
from benchmarks.timing.memory import GIB, free_bytes
from benchmarks.timing.rivals import CONTENDERS
from benchmarks.timing.scaling import AXES, RIVALS, point_rows
from benchmarks.timing.scaling_table import show
from benchmarks.timing.works import Row, Work

QUICK_POINTS, QUICK_LIMIT, QUICK_GIB = slice(2, 7, 2), 20.0, 4.0


def scaling(
    axes: Annotated[
        str, typer.Option(help="What is varied, with commas between.")
    ] = "nodes,edges,clusters,graphs",
    memory_gib: Annotated[
        float,
        typer.Option(min=0, help="Memory at which a point dies; 0: 75 % of what is there."),
    ] = 0.0,
    limit: Annotated[
        float, typer.Option(min=1, help="Seconds after which a point dies, preparations excluded.")
    ] = 60.0,
    threads: options.Threads = 0,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Three points of each axis or fewer, 20 s and 4 GiB."),
    ] = False,
    format_: options.Format = "rich",
    out: options.OutFolder = RESULTS / "scaling",
    resume: options.Resume = None,
) -> list[Row]:
    """Measure how coarsening scales with nodes, edges, clusters and graphs, until it dies.

    Each point is a process of its own with a memory and a time limit; a contender's curve ends
    where it dies. Each point is appended to a JSON lines file when it is finished, and the picture
    is saved beside it.
    """
    chosen = axis_names(axes)
    device = choose_device(device)
    if quick:
        limit, memory_gib = QUICK_LIMIT, QUICK_GIB
    # An automatic limit is no setting to compare: what is free differs from one run to the next.
    config = {"device": device, "limit": limit, "memory_gib": memory_gib or None}
    session = Session(format_, out, config, seed, threads, resume)
    console, lines = session.console, session.lines
    memory_gib = memory_gib or min(default_memory_gib(), 0.75 * free_bytes(device) / GIB)
    console.print(f"at most {memory_gib:.1f} GiB and {limit:g} s a point", highlight=False)
    for contender in RIVALS:
        if contender not in CONTENDERS:
            console.print(f"{contender}: skipped, tgp (torch-geometric-pool) is not installed")

    def works() -> Iterator[Work]:
        for axis in chosen:
            for point in AXES[axis][QUICK_POINTS] if quick else AXES[axis]:
                for contender in RIVALS:
                    if contender in CONTENDERS and not _has_died(lines.rows, axis, contender):
                        run = partial(point_rows, contender, point, seed, device, memory_gib, limit)
                        yield Work(f"{axis} {point.size} {contender}", run)

    session.run(works(), _describe)
    rows = session.finish(show, "points")
    picture = lines.path.with_suffix(".png")
    _draw(rows, picture)
    console.print(f"picture {picture}", soft_wrap=True)
    return rows


def axis_names(text: str) -> list[str]:
    """Read names of axes with commas between.

    Raises:
        UsageError: If a name is unknown, or there is none.
    """
    names = names_of(text)
    if not names:
        raise UsageError(f"--axes: expected some of {','.join(AXES)}, got {text!r}")
    check_names("axis", names, AXES)
    return names


def _has_died(rows: list[Row], axis: str, contender: str) -> bool:
    """Whether a contender's curve has ended already."""
    return any(
        (row["axis"], row["contender"]) == (axis, contender) and "died" in row for row in rows
    )


def _describe(row: Row) -> str:
    if "died" in row:
        return str(row["died"])
    return f"{row['median_ms']:.3g} ms, peak {row['peak_mib']:.0f} MiB"


def _draw(rows: list[Row], path: Path) -> None:
    # Matplotlib takes a while to import.
    from benchmarks.timing.scaling_picture import draw_scaling

    draw_scaling(rows, path)
