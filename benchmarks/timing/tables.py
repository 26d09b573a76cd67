"""Titled tables of lines: for a terminal, as Markdown, or the rows behind them as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.records.table_format import Layout, show

Row = dict[str, Any]


class Table(NamedTuple):
    """A title, the lines below it by the heads of their columns, and notes.

    Columns are all heads that lines have, in their order; what a line lacks is blank.

    Attributes:
        title: What it is about.
        lines: The lines.
        notes: What stands below.
        once: First columns of which a line leaves out what it repeats of the line above.
    """

    title: str
    lines: Sequence[Row]
    notes: tuple[str, ...] = ()
    once: tuple[str, ...] = ()

    def layout(self) -> Layout:
        """Return the columns as :func:`~benchmarks.records.table_format.show` takes them."""
        heads = dict.fromkeys(head for line in self.lines for head in line)
        fills = {head: lambda line, head=head: line.get(head, "") for head in heads}
        return Layout(fills, self.notes)  # type: ignore[arg-type]

    def show(self, style: str) -> None:
        """Print it on stdout."""
        show(_once_each(self.lines, self.once), self.layout(), style)


def show_tables(rows: Sequence[Row], tables: Sequence[Table], style: str) -> None:
    """Print the tables that have lines, or the rows as JSON."""
    if style == "json":
        sys.stdout.write(json.dumps(list(rows), indent=1) + "\n")
        return
    for table in tables:
        if table.lines:
            sys.stdout.write(f"\n{table.title}\n\n")
            sys.stdout.flush()
            table.show(style)


def of_kind(rows: Sequence[Row], kind: str) -> list[Row]:
    """Return the rows of one kind."""
    return [row for row in rows if row["kind"] == kind]


def medians(rows: Sequence[Row], unit: str = "ms") -> dict[str, dict[str, float]]:
    """Return the median times of contenders, by the set that they were timed on."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if f"median_{unit}" in row:
            found.setdefault(row["set"], {})[row["contender"]] = row[f"median_{unit}"]
    return found


def over(row: Row, base: float | None, unit: str = "ms") -> str:
    """Write a row's median over another, or nothing where there is none."""
    return "" if base is None else f"{row[f'median_{unit}'] / base:.2f}"


def spread(row: Row, unit: str, digits: str) -> str:
    """Write a median with its quartiles in brackets."""
    low, high = (format(row[f"quartile_{number}_{unit}"], digits) for number in (1, 3))
    return f"{row[f'median_{unit}']:{digits}} ({low}–{high})"


def number(value: float | None, style: str = "") -> str:
    """Write a number, or nothing where there is none."""
    return "" if value is None else format(value, style)


def _once_each(lines: Sequence[Row], heads: tuple[str, ...]) -> list[Row]:
    shown, last = [], None
    for line in lines:
        group = tuple(line[head] for head in heads)
        repeated = heads if group == last else ()
        shown.append(line | dict.fromkeys(repeated, ""))
        last = group
    return shown
