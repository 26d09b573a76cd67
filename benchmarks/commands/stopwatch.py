"""What the commands that time something have in common: threads, data that are not there, stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
import typer
from rich.console import Console

from benchmarks.records.output_path import check_folder
from benchmarks.records.table_format import check_format
from benchmarks.runs.plan import absent_dataset

T = TypeVar("T")


class Stored(Protocol):
    """Rows in a file, such as :class:`~benchmarks.records.rows.ResultLines`."""

    path: Path

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows."""


def prepare(format_: str, out: Path, threads: int = 0) -> None:
    """Check the format and the folder of results, and let torch use so many threads (0: as is).

    Raises:
        UsageError: If the format is unknown, or the folder cannot be written.
    """
    check_format(format_)
    check_folder("--out", out)
    if threads:
        torch.set_num_threads(threads)


def load_or_skip(
    name: str, load: Callable[[], T], console: Console, asked: bool = False
) -> T | None:
    """Return what is loaded, or None, told, where a data set is neither cached nor to be had.

    Raises:
        UsageError: If it was asked for by name.
    """
    with console.status(f"{name}: loading"):
        try:
            return load()
        except (OSError, ValueError) as error:
            if asked:
                raise absent_dataset(name, error) from error
            console.print(f"{name}: skipped, its data are not there ({error})", markup=False)
            return None


@contextmanager
def stoppable(lines: Stored, console: Console) -> Iterator[None]:
    """End at an interrupt from the keyboard with exit code 130, and tell how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        again = f"--resume {lines.path}"
        console.print(f"\nstopped; go on with {again}", soft_wrap=True, highlight=False)
        raise typer.Exit(130) from None


def tell_stored(lines: Stored, console: Console, what: str = "rows") -> None:
    """Say where the rows are, if there are any."""
    if lines.rows:
        text = f"{len(lines.rows)} {what} in {lines.path}"
        console.print(text, soft_wrap=True, highlight=False)
