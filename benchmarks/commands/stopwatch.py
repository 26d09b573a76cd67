"""What the commands that time something have in common: works in turn, stored, stopped, told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
import typer
from rich.status import Status

from benchmarks.records.output_path import check_folder
from benchmarks.records.plain_console import PlainConsole
from benchmarks.records.rows import ResultLines
from benchmarks.records.table_format import check_format
from benchmarks.runs.budget import Budget
from benchmarks.spec.errors import UsageError, unknown_name
from benchmarks.timing.works import Row, Work

T = TypeVar("T")
NO_LIMIT = Budget(None)


class Session:
    """A command that times works, one after the other, and stores the rows of each at once.

    Args:
        format_: Of the tables at the end.
        out: Folder of results.
        config: Settings of the run; rows of other settings do not mix with them.
        seed: Seed of the run.
        threads: Torch threads; 0: as torch has it.
        resume: File of an earlier, stopped run to go on with.
        prefix: What the name of a new file begins with.

    Attributes:
        console: Where progress is told.
        lines: The rows.

    Raises:
        UsageError: If the format is unknown, the folder cannot be written, or ``resume`` is no
            file of rows of these settings.
    """

    def __init__(
        self,
        format_: str,
        out: Path,
        config: Mapping[str, Any],
        seed: int,
        threads: int = 0,
        resume: Path | None = None,
        prefix: str = "",
    ) -> None:
        check_format(format_)
        check_folder("--out", out)
        if threads:
            torch.set_num_threads(threads)
        self.format = format_
        self.console = PlainConsole(stderr=True)
        self.lines = ResultLines(out, config, seed, resume, prefix)
        self._status: Status | None = None

    def load(self, name: str, load: Callable[[], T], asked: bool = False) -> T | None:
        """Return what is loaded, or None, told, where data are neither cached nor to be had.

        Raises:
            UsageError: If the data set was asked for by name.
        """
        with self.console.status(f"{name}: loading"):
            try:
                return load()
            except (OSError, ValueError) as error:
                if asked:
                    raise UsageError(str(error)) from error
                text = f"{name}: skipped, its data are not there ({error})"
                self.console.print(text, markup=False)
                return None

    def tell(self, text: str) -> None:
        """Show what the work in progress is doing."""
        if self._status is not None:
            self._status.update(text)

    def run(
        self,
        works: Iterable[Work],
        describe: Callable[[Row], str | None] = lambda row: None,
        budget: Budget = NO_LIMIT,
        resumable: bool = True,
    ) -> None:
        """Run the works that are not finished.

        Args:
            works: The works; each is drawn when the one before is stored.
            describe: What is told of a row when it is stored, if anything.
            budget: No work begins when it is spent, and one in progress is given up.
            resumable: Whether the command can go on with a file of rows.
        """
        with self.stoppable(budget, resumable):
            for work in works:
                if self.lines.finished(work.name) is not None:
                    continue
                with self.console.status(work.name) as self._status:
                    rows = self.lines.add(work.name, work.run())
                for row in rows:
                    if text := describe(row):
                        self.console.print(f"{work.name}: {text}", markup=False, highlight=False)

    @contextmanager
    def stoppable(self, budget: Budget = NO_LIMIT, resumable: bool = True) -> Iterator[None]:
        """End at an interrupt from the keyboard with exit code 130, and tell how to go on.

        Where a budget is spent, what is finished is kept and the command goes on to its tables.
        """
        try:
            with budget.interrupts():
                yield
        except KeyboardInterrupt:
            if budget.spent:
                self.console.print("the budget is spent; what was finished is kept")
                return
            again = f"go on with --resume {self.lines.path}"
            text = again if resumable else "the same command begins again"
            self.console.print(f"\nstopped; {text}", soft_wrap=True, highlight=False)
            raise typer.Exit(130) from None

    def finish(self, show: Callable[[list[Row], str], None], what: str = "rows") -> list[Row]:
        """Print the tables, say where the rows are, and return them."""
        rows = self.lines.rows
        show(rows, self.format)
        if rows:
            text = f"{len(rows)} {what} in {self.lines.path}"
            self.console.print(text, soft_wrap=True, highlight=False)
        return rows


def names_of(text: str) -> list[str]:
    """Read names with commas between, each once."""
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def check_names(kind: str, names: Sequence[str], known: Iterable[str]) -> None:
    """Refuse a name that is none of those known.

    Raises:
        UsageError: For the first of them.
    """
    known = tuple(known)
    for name in names:
        if name not in known:
            raise unknown_name(kind, name, known)
