"""The table of training times."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.records.table_format import Layout
from benchmarks.records.table_format import show as show_rows
from benchmarks.spec.errors import UsageError

CLAIM = 12.0
"""How many times faster than with Set2Set the paper found GraphSAGE with DiffPool to be."""

Row = dict[str, Any]


def latest_rows(folder: Path) -> list[Row]:
    """Return the rows that were stored last.

    Raises:
        UsageError: If there are none.
    """
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise UsageError(f"--dry-run: no stored times in {folder}")
    return [json.loads(line) for line in files[-1].read_text(encoding="utf-8").splitlines()]


def show(rows: Sequence[Row], absent: Sequence[str], format_: str) -> None:
    """Print the rows on stdout, with the data sets that were not found."""
    missing = [{"set": name, "note": "data not found"} for name in absent]
    if format_ == "json":
        sys.stdout.write(json.dumps([*rows, *missing], indent=2) + "\n")
        return
    sys.stdout.write(
        f"Training time in turns on the same batches; the paper: DiffPool {CLAIM:.0f} times as "
        "fast as Set2Set.\n\n"
    )
    sys.stdout.flush()
    show_rows([*rows, *missing], TIMES, format_)


def _ratio(rival: str) -> Any:
    key = f"ratio_to_{rival}"

    def fill(row: Row) -> str:
        if key not in row:
            return ""
        return f"{row[key]:.2f} ({row[f'{key}_low']:.2f}–{row[f'{key}_high']:.2f})"

    return fill


def _steps(row: Row) -> str:
    if row.get("processing_steps") is None:
        return ""
    text = str(row["processing_steps"])
    if row["measured_steps"] < row["processing_steps"]:
        text += f", extrapolated from {row['measured_steps']}"
    return text


TIMES = Layout(
    {
        "data set": lambda row: str(row["set"]),
        "contender": lambda row: str(row.get("contender", row.get("note"))),
        "time / graphsage": _ratio("graphsage"),
        "time / diffpool": _ratio("diffpool"),
        "ms a step (median)": lambda row: (
            f"{1000 * row['median_step_s']:.1f}" if "median_step_s" in row else ""
        ),
        "Set2Set's steps": _steps,
        "K": lambda row: "/".join(map(str, row.get("clusters", []))),
        "parameters": lambda row: f"{row['parameters']:,}" if "parameters" in row else "",
    },
    (
        "a step: forward, backward and optimiser on one batch of 20 graphs, without loading; all "
        "contenders train on a batch before any sees the next, in an order drawn anew",
        "ratios: of a round's sums over the batches; the median over the rounds, the least and the "
        "greatest in brackets",
        "equal width, layers and batches; the rest is each row's first configuration",
        "set2set-largest: as many steps as the largest graph has nodes, as in the authors' code; "
        "where memory or time would not do, on the straight line through two measured numbers",
    ),
)
