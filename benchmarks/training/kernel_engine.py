"""The engine of kernels: Gram matrices once a run, then a support vector machine a cell."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.data.source import Source
from benchmarks.spec.cell import Cell, CellResult
from benchmarks.spec.settings import Settings
from benchmarks.training.kernel_cell import (
    check_memory,
    kernel_identity,
    prepare_grams,
    run_kernel_cell,
)


def check_source(source: Source, method: str) -> None:
    """Refuse data without one class a graph and one label a node."""
    source.check_kernel(method)


def check(source: Source, method: str, configurations: Sequence[Settings]) -> None:
    """Refuse Gram matrices that do not fit in memory."""
    check_memory(source, method)


def identity(method: str) -> dict[str, Any]:
    """Return what is chosen from; none of the networks' settings decides a kernel's result."""
    return {"configurations": [{}], "kernel": kernel_identity(method)}


def prepare(source: Source, cells: Sequence[Cell], jobs: int, console: Console) -> None:
    """Compute the Gram matrices that are not on disk, for the cells of one run."""
    if not cells:
        return
    method = cells[0].method
    check_memory(source, method, min(jobs, len(cells)))
    prepare_grams(source, method, jobs, console)


def run(cell: Cell, source: Source, log: Path | None) -> CellResult:
    """Choose, fit and evaluate a support vector machine; it has no epochs to log."""
    return run_kernel_cell(cell, source)
