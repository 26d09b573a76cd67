"""The engine of networks: one training by gradient descent a cell."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.data.source import Source
from benchmarks.methods import build_network, load_method
from benchmarks.methods.parts.user_class import UserClass
from benchmarks.spec.cell import Cell, CellResult
from benchmarks.spec.settings import Settings
from benchmarks.training.network_capacity import refuse_above_memory
from benchmarks.training.network_cell import run_network_cell
from benchmarks.training.prepared import prepared_graphs
from benchmarks.training.ranks import run_on_ranks


def run(cell: Cell, source: Source, log: Path | None = None) -> CellResult:
    """Train and evaluate a cell, in this process or in one a device."""
    if cell.settings.devices > 1:
        return run_on_ranks(cell, log)
    return run_network_cell(cell, source, log)


def check_source(source: Source, method: str) -> None:
    """Refuse nothing: networks take all data that the runner reads."""


def check(source: Source, method: str, configurations: Sequence[Settings]) -> None:
    """Build each configuration's network once.

    A network that cannot be built is the user's error, to be told before any training.
    """
    for settings in configurations:
        source.check_features(settings)
        refuse_above_memory(method, settings, source)
        clusters = [min(settings.max_clusters, 2)] * settings.num_pools
        build_network(method, settings, source.problem(4, clusters))


def identity(method: str) -> dict[str, Any]:
    """Return the source of a class of the user's; the other methods' are known by the commit."""
    implementation = load_method(method)
    return {"source": implementation.fingerprint()} if isinstance(implementation, UserClass) else {}


def prepare(source: Source, cells: Sequence[Cell], jobs: int, console: Console) -> None:
    """Compute what the method prepares of each graph, once for all cells of a run."""
    for settings, cell in {cell.settings: cell for cell in cells}.items():
        with console.status(f"preparing the graphs of {source.name} for {cell.method}"):
            prepared_graphs(source, cell.method, settings, jobs)
