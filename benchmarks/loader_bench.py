"""``python -m benchmarks loader``: batches a second of ResidentLoader against PyG's DataLoader."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch_geometric.data import InMemoryDataset
from torch_geometric.loader import DataLoader

from benchmarks.coarsen.measure import interleaved
from benchmarks.errors import unknown_name
from benchmarks.jsonl import append, new_file, provenance
from benchmarks.options import MOST_THREADS
from benchmarks.output_path import check_folder
from benchmarks.plain_console import PlainConsole
from benchmarks.plan import absent_dataset
from benchmarks.table_format import Layout, show
from benchmarks.tu_dataset import load_dataset
from pyg_diffpool import ResidentLoader

RESULTS = Path(__file__).parent / "results" / "loader"
# How many times PyG's throughput is required.
REQUIRED = {"ENZYMES": 10.0, "PROTEINS": 10.0, "COLLAB": 2.5}
FORMATS = ("rich", "markdown", "json")
HEADER = ("data set", "loader", "ms a pass", "graphs a second", "times PyG", "required", "")

Row = dict[str, Any]


def loader(
    data: Annotated[list[str] | None, typer.Option(help="TU data sets; may be repeated.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Graphs in a batch.")] = 32,
    rounds: Annotated[int, typer.Option(min=3, help="Passes of each loader.")] = 7,
    seconds: Annotated[
        float, typer.Option(min=0, help="Begin no further round of a data set after so long.")
    ] = 60.0,
    threads: Annotated[
        int, typer.Option(min=0, max=MOST_THREADS, help="Torch threads; 0: as torch has it.")
    ] = 0,
    format_: Annotated[str, typer.Option("--format", help="rich, markdown or json.")] = "rich",
    out: Annotated[
        Path, typer.Option(help="Folder of results.", metavar="DIR", show_default=False)
    ] = RESULTS,
) -> list[Row]:
    """Time shuffled passes over whole data sets, loaders taking turns; nothing is trained."""
    if format_ not in FORMATS:
        raise unknown_name("format", format_, FORMATS)
    check_folder("--out", out)
    if threads:
        torch.set_num_threads(threads)
    console = PlainConsole(stderr=True)
    store = new_file(out)
    shared = provenance(seed=0)
    rows: list[Row] = []
    for name in data or REQUIRED:
        with console.status(f"{name}: running"):
            try:
                graphs = load_dataset(name)
            except (OSError, ValueError) as error:
                if data:  # It was asked for by name.
                    raise absent_dataset(name, error) from error
                console.print(f"{name}: skipped, its data are not there ({error})", markup=False)
                continue
            for row in _measure(name, graphs, batch_size, rounds, seconds):
                rows.append(row | shared)
                append(store, rows[-1])
    if rows:
        show(rows, LOADING, format_)
        console.print(f"{len(rows)} rows in {store}")
    return rows


def _measure(
    name: str, graphs: InMemoryDataset, batch_size: int, rounds: int, seconds: float
) -> list[Row]:
    loaders: dict[str, Iterable[object]] = {
        "ResidentLoader": ResidentLoader(graphs, batch_size, shuffle=True),
        "DataLoader": DataLoader(graphs, batch_size, shuffle=True),
    }
    steps = {kind: _pass_over(batches) for kind, batches in loaders.items()}
    medians = {
        kind: statistics.median(times)
        for kind, times in interleaved(steps, rounds, seconds).items()
    }
    return [
        {
            "set": name,
            "loader": kind,
            "graphs": len(graphs),
            "batch_size": batch_size,
            "median_ms": 1e3 * median,
            "graphs_per_second": len(graphs) / median,
            "times_pyg": medians["DataLoader"] / median,
        }
        for kind, median in medians.items()
    ]


def _pass_over(batches: Iterable[object]) -> Any:
    def run() -> None:
        for _ in batches:
            pass

    return run


def _line(row: Row) -> list[str]:
    required = REQUIRED.get(row["set"]) if row["loader"] == "ResidentLoader" else None
    met = "" if required is None else ("met" if row["times_pyg"] >= required else "NOT MET")
    return [
        row["set"],
        row["loader"],
        f"{row['median_ms']:.1f}",
        f"{row['graphs_per_second']:.0f}",
        f"{row['times_pyg']:.1f}",
        "" if required is None else f"{required:g}",
        met,
    ]


LOADING = Layout(
    {head: lambda row, place=place: _line(row)[place] for place, head in enumerate(HEADER)},
    ("loading alone, shuffled; nothing is trained",),
)
