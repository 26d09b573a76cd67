"""Loading alone: shuffled passes of ResidentLoader and of PyG's DataLoader over whole data sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch_geometric.data import InMemoryDataset
from torch_geometric.loader import DataLoader

from benchmarks.records.table_format import show as show_rows
from benchmarks.timing.tables import Table
from benchmarks.timing.targets import verdict
from benchmarks.timing.turns import Step, summary, take_turns
from pyg_diffpool import ResidentLoader

# How many times PyG's throughput is required.
REQUIRED = {"ENZYMES": 10.0, "PROTEINS": 10.0, "COLLAB": 2.5}

Row = dict[str, Any]

NOTES = ("loading alone, shuffled; nothing is trained",)


def loading_rows(
    name: str, graphs: InMemoryDataset, batch_size: int, rounds: int, seconds: float
) -> list[Row]:
    """Let both loaders pass over a data set in turns; return a row each."""
    steps = {
        "ResidentLoader": _pass_over(ResidentLoader(graphs, batch_size, shuffle=True)),
        "DataLoader": _pass_over(DataLoader(graphs, batch_size, shuffle=True)),
    }
    medians = {
        kind: summary(timing)["median_ms"]
        for kind, timing in take_turns(steps, rounds, seconds).items()
    }
    return [
        {
            "set": name,
            "loader": kind,
            "graphs": len(graphs),
            "batch_size": batch_size,
            "median_ms": median,
            "graphs_per_second": 1e3 * len(graphs) / median,
            "times_pyg": medians["DataLoader"] / median,
        }
        for kind, median in medians.items()
    ]


def _pass_over(batches: Iterable[object]) -> Step:
    def run() -> None:
        for _ in batches:
            pass

    return run


def show(rows: Sequence[Row], style: str) -> None:
    """Print rows as JSON, Markdown or for a terminal."""
    if not rows and style != "json":
        return
    lines = [line(row) for row in rows]
    layout = Table("Loading", lines, NOTES).layout()
    show_rows(list(rows) if style == "json" else lines, layout, style)


def line(row: Row) -> Row:
    """Return the line of a row."""
    required = REQUIRED.get(row["set"]) if row["loader"] == "ResidentLoader" else None
    return {
        "data set": row["set"],
        "loader": row["loader"],
        "ms a pass": f"{row['median_ms']:.1f}",
        "graphs a second": f"{row['graphs_per_second']:.0f}",
        "times PyG": f"{row['times_pyg']:.1f}",
        "required": "" if required is None else f"{required:g}",
        "verdict": "" if required is None else verdict(row["times_pyg"] >= required),
    }
