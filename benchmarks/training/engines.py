"""How methods of each kind are checked, prepared and trained: one engine a kind."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from benchmarks.data.source import Source
from benchmarks.methods import ESTIMATOR, KERNEL, NETWORK, kind_of
from benchmarks.spec.cell import Cell, CellResult
from benchmarks.spec.settings import Settings
from benchmarks.training import estimator_engine, kernel_engine, network_engine


class Engine(Protocol):
    """What the module of an engine offers."""

    def check_source(self, source: Source, method: str) -> None:
        """Raise a ``UsageError`` for a data set, not read yet, that no such method can take."""

    def check(self, source: Source, method: str, configurations: Sequence[Settings]) -> None:
        """Raise a ``UsageError`` for what would fail in training, before any training."""

    def identity(self, method: str) -> dict[str, Any]:
        """Return what decides results besides data, folds and settings; it is in the run's id."""

    def prepare(self, source: Source, cells: Sequence[Cell], jobs: int, console: Console) -> None:
        """Compute once what the cells of a run share, before any worker would wait for it."""

    def run(self, cell: Cell, source: Source, log: Path | None) -> CellResult:
        """Train and evaluate one cell.

        Args:
            cell: What to run.
            source: Its data set.
            log: Folder of TensorBoard's event files, where there are epochs to log.
        """


ENGINES: dict[str, Engine] = {
    NETWORK.name: network_engine,
    KERNEL.name: kernel_engine,
    ESTIMATOR.name: estimator_engine,
}
"""The engine of each of :data:`benchmarks.methods.KINDS`."""


def engine_of(method: str) -> Engine:
    """Return the engine that trains a method."""
    return ENGINES[kind_of(method).name]
