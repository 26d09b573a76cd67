"""Prints rows as a rich table, as markdown or as JSON."""

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from rich.table import Table

from benchmarks.records.plain_console import PlainConsole
from benchmarks.spec.errors import unknown_name
from benchmarks.spec.published import PAPER_SOURCE, fair_sources

Row = dict[str, Any]

FORMATS = ("rich", "markdown", "json")


def check_format(name: str) -> None:
    """Refuse a format that is none of :data:`FORMATS`.

    Raises:
        UsageError: If it is unknown.
    """
    if name not in FORMATS:
        raise unknown_name("format", name, FORMATS)


class Layout(NamedTuple):
    """Column heads with the function that fills each, and the notes below."""

    columns: dict[str, Callable[[Row], str]]
    notes: tuple[str, ...]


def _text(key: str) -> Callable[[Row], str]:
    return lambda row: "" if row[key] is None else str(row[key])


def _number(key: str) -> Callable[[Row], str]:
    return lambda row: "" if row[key] is None else f"{row[key]:.2f}"


def _protocol(row: Row) -> str:
    return "reference (optimistic)" if row["protocol"] == "reference" else str(row["protocol"])


def score_text(row: Row) -> str:
    """Return a row's mean, and its deviation where it has one."""
    spread = "" if row["std"] is None else f" ± {row['std']:.2f}"
    return f"{row['mean']:.2f}{spread}"


def seeds_text(row: Row) -> str:
    """Return a row's seeds, with how much the mean varies between them where they are several."""
    if row.get("fewer_seeds"):
        return f"{row['seeds']}, fewer on folds {row['fewer_seeds']}"
    spread = row.get("std_between_seeds")
    return str(row["seeds"]) if spread is None else f"{row['seeds']} (± {spread:.2f})"


def _score(row: Row) -> str:
    metric = "" if row["metric"] == "accuracy" else f" ({row['metric']})"
    return score_text(row) + metric


def _best(row: Row) -> str:
    if row["best_published"] is None:
        return ""
    return f"{row['best_published']:.2f} ({row['best_published_method']})"


def _interval(row: Row) -> str:
    if row["low"] is None:
        return "needs two folds"
    return f"[{row['low']:+.2f}, {row['high']:+.2f}]"


def _both_seeds(row: Row) -> str:
    """Return the seeds of a comparison: once where both methods have the same."""
    return " − ".join(dict.fromkeys(row["seeds"]))


def _difference(row: Row) -> str:
    return "" if row["difference"] is None else f"{row['difference']:+.2f}"


RESULTS = Layout(
    {
        "data set": _text("dataset"),
        "method": _text("method"),
        "protocol": _protocol,
        "accuracy %": _score,
        "folds": _text("folds"),
        "seeds": seeds_text,
        "paper (reference)": _number("paper"),
        "published": _number("published"),
        "best published": _best,
        "run": _text("run"),
    },
    (
        "accuracy: mean ± population standard deviation over the folds named; another metric is "
        "named (rocauc, ap), and data with one official split have the mean over seeds",
        "seeds: of several, a fold's accuracy is the mean over its trainings, from which mean "
        "and deviation over folds follow; in brackets how the mean over folds varies by seed",
        "fair: configuration and epoch chosen on an inner hold-out, the test fold met once",
        "reference: best epoch of the mean validation curve, no test set; optimistic",
        f"paper: {PAPER_SOURCE}; published and best published: of the row's protocol, "
        f"reference from the paper's tables, fair from {fair_sources()}",
    ),
)
COMPARISON = Layout(
    {
        "data set": _text("dataset"),
        "protocol": _protocol,
        "first − second": lambda row: f"{row['first']} − {row['second']}",
        "difference": _difference,
        "95 % interval": _interval,
        "folds": _text("folds"),
        "seeds": _both_seeds,
        "runs": lambda row: " ".join(row["runs"]),
    },
    (
        "difference: points of accuracy, paired over folds, each the mean over the seeds named (of "
        "the first − of the second, where they differ); interval: Student's t over folds, "
        "approximate since folds share training graphs",
    ),
)


def show(rows: list[Row], layout: Layout, format_: str) -> None:
    """Print the rows on stdout in the format asked for."""
    if format_ == "json":
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    elif format_ == "markdown":
        sys.stdout.write(_markdown(rows, layout))
    else:
        _rich(rows, layout)


def _markdown(rows: list[Row], layout: Layout) -> str:
    lines = [
        _line(layout.columns),
        "|" + " --- |" * len(layout.columns),
    ]
    lines += [_line(fill(row) for fill in layout.columns.values()) for row in rows]
    return "\n".join(lines) + "\n\n" + "".join(f"- {note}\n" for note in layout.notes)


def _line(cells: Iterable[str]) -> str:
    """Return a line of a table; a bar inside a cell would end the cell."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _rich(rows: list[Row], layout: Layout) -> None:
    # A pipe has no width of its own: do not fold cells for it.
    console = PlainConsole() if sys.stdout.isatty() else PlainConsole(width=180)
    if not rows:
        console.print("no results yet; `python -m benchmarks run --help` tells how to make some")
        return
    table = Table()
    for head in layout.columns:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(fill(row) for fill in layout.columns.values()))
    console.print(table)
    for note in layout.notes:
        console.print(f"• {note}", style="dim", highlight=False, soft_wrap=True)
