"""Titled tables of rows: for a terminal, as Markdown, or the rows themselves as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.records.table_format import Layout, show

Row = dict[str, Any]


class Table(NamedTuple):
    """A title, the lines below it, and their columns."""

    title: str
    lines: list[Row]
    layout: Layout


def columns(*names: str, notes: tuple[str, ...] = ()) -> Layout:
    """Return the layout of lines keyed by the heads of the columns; what is missing is blank."""
    return Layout({name: lambda line, name=name: line.get(name, "") for name in names}, notes)  # type: ignore[misc]


def show_tables(rows: Sequence[Row], tables: Sequence[Table], style: str) -> None:
    """Print the tables that have lines, or the rows as JSON."""
    if style == "json":
        sys.stdout.write(json.dumps(list(rows), indent=1) + "\n")
        return
    for table in tables:
        if table.lines:
            sys.stdout.write(f"\n{table.title}\n\n")
            sys.stdout.flush()
            show(table.lines, table.layout, style)


def of_kind(rows: Sequence[Row], kind: str) -> list[Row]:
    """Return the rows of one kind."""
    return [row for row in rows if row["kind"] == kind]


def spread(row: Row, unit: str, digits: str) -> str:
    """Write a median with its quartiles in brackets."""
    low, high = (format(row[f"quartile_{number}_{unit}"], digits) for number in (1, 3))
    return f"{row[f'median_{unit}']:{digits}} ({low}–{high})"


def number(value: float | None, style: str) -> str:
    """Write a number, or nothing where there is none."""
    return "" if value is None else format(value, style)


def once_each(lines: Sequence[Row], *heads: str) -> list[Row]:
    """Leave out what a line repeats of the one above it in its first columns."""
    shown, last = [], None
    for line in lines:
        group = tuple(line[head] for head in heads)
        shown.append(line | dict.fromkeys(heads, "") if group == last else line)
        last = group
    return shown
