"""``python -m benchmarks scaling``: time and peak memory of coarsening against size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.commands import options
from benchmarks.commands.stopwatch import prepare, stoppable, tell_stored
from benchmarks.records.plain_console import PlainConsole
from benchmarks.records.rows import ResultLines
from benchmarks.records.store import RESULTS
from benchmarks.spec.device import choose_device
from benchmarks.spec.errors import UsageError, unknown_name
from benchmarks.timing.limited_process import default_memory_gib
from benchmarks.timing.memory import GIB, free_bytes
from benchmarks.timing.rivals import CONTENDERS
from benchmarks.timing.scaling import AXES, RIVALS, Point, point_row
from benchmarks.timing.scaling_table import show

QUICK_POINTS, QUICK_LIMIT, QUICK_GIB = slice(2, 7, 2), 20.0, 4.0

Row = dict[str, Any]


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
    prepare(format_, out, threads)
    chosen = axis_names(axes)
    device = choose_device(device)
    if quick:
        limit, memory_gib = QUICK_LIMIT, QUICK_GIB
    # An automatic limit is no setting to compare: what is free differs from one run to the next.
    config = {"device": device, "limit": limit, "memory_gib": memory_gib or None}
    console = PlainConsole(stderr=True)
    lines = ResultLines(out, config, seed, resume)
    memory_gib = memory_gib or _default_gib(device)
    console.print(f"at most {memory_gib:.1f} GiB and {limit:g} s a point", highlight=False)
    missing = [contender for contender in RIVALS if contender not in CONTENDERS]
    for contender in missing:
        console.print(f"{contender}: skipped, tgp (torch-geometric-pool) is not installed")
    with stoppable(lines, console):
        for contender, point in _points(chosen, quick, lines):
            label = f"{contender}, {point.size:,} {point.axis}"
            with console.status(label):
                row = point_row(contender, point, seed, device, memory_gib, limit)
            console.print(f"{label}: {_describe(row)}", highlight=False, markup=False)
            lines.add(_part(contender, point), [row])
    show(lines.rows, format_)
    picture = lines.path.with_suffix(".png")
    _draw(lines.rows, picture)
    tell_stored(lines, console, "points")
    console.print(f"picture {picture}", soft_wrap=True)
    return lines.rows


def axis_names(text: str) -> list[str]:
    """Read names of axes with commas between.

    Raises:
        UsageError: If a name is unknown, or there is none.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UsageError(f"--axes: expected some of {','.join(AXES)}, got {text!r}")
    for name in names:
        if name not in AXES:
            raise unknown_name("axis", name, AXES)
    return list(dict.fromkeys(names))


def _points(axes: list[str], quick: bool, lines: ResultLines) -> Iterator[tuple[str, Point]]:
    """Yield what is still to be measured, until each contender has died on each axis."""
    for axis in axes:
        points = AXES[axis][QUICK_POINTS] if quick else AXES[axis]
        for point in points:
            for contender in RIVALS:
                if contender not in CONTENDERS or lines.finished(_part(contender, point)):
                    continue
                dead = any(
                    row["axis"] == axis and row["contender"] == contender and "died" in row
                    for row in lines.rows
                )
                if not dead:
                    yield contender, point


def _part(contender: str, point: Point) -> str:
    return f"{point.axis} {point.size} {contender}"


def _describe(row: Row) -> str:
    if "died" in row:
        return str(row["died"])
    return f"{row['median_ms']:.3g} ms, peak {row['peak_mib']:.0f} MiB"


def _default_gib(device: str) -> float:
    return min(default_memory_gib(), 0.75 * free_bytes(device) / GIB)


def _draw(rows: list[Row], path: Path) -> None:
    # Matplotlib takes a while to import.
    from benchmarks.timing.scaling_picture import draw_scaling

    draw_scaling(rows, path)
