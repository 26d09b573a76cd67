"""The tables that ``python -m benchmarks gpu`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.timing.coarsen_table import measured
from benchmarks.timing.epoch_table import epoch_tables
from benchmarks.timing.gpu.part import FAILED, OK
from benchmarks.timing.gpu.process import CRASH, SKIPPED
from benchmarks.timing.rivals import OURS_GIVEN
from benchmarks.timing.tables import Table, columns, number, of_kind, show_tables
from benchmarks.timing.targets import NONE

Row = dict[str, Any]

CORRECTNESS = columns(
    "check", "of", "dtype", "checked", "worst error", "allowed", "verdict", "where it fails",
    notes=(
        "error: the largest over the largest exact value, of every result and gradient, against a "
        "dense float64 oracle on the CPU",
        "waiting: forward and backward while torch raises where it would wait for the device",
        "repeating: results of repeated runs, compared bit by bit",
    ),
)  # fmt: skip
COARSEN = columns(
    "batches", "contender", "median ms (quartiles)", "time / ours", "peak MiB", "worst error",
    notes=(
        "forward and backward with both losses, conversions included; time by events, in turns; "
        "peak: of one pass on the largest batch, above what is there before",
        f"ours: {OURS_GIVEN}, as ResidentLoader gives a batch; error: of the first batch, against "
        "float64, where a dense reference is possible",
    ),
)  # fmt: skip
TARGETS = columns(
    "batches", "what", "required", "measured", "verdict",
    notes=("against the better of PyG and PyG told the size of the largest graph",),
)  # fmt: skip
RATES = columns(
    "copy TB/s", "float32 TFLOP/s", "tf32 TFLOP/s", "bfloat16 TFLOP/s", "float64 TFLOP/s",
    notes=("a copy counts bytes read and written; a multiply-add counts as two operations",),
)  # fmt: skip
CEILINGS = columns(
    "what", "nodes", "K", "F", "dtype", "median ms", "TB/s", "TFLOP/s", "ceiling ms", "bound",
    "share", "required", "verdict",
    notes=(
        "ceiling: the larger of bytes over the copy's rate and operations over the product's; "
        "bytes are those that must move if each stage reads and writes once; float32 is not "
        "rounded to tf32. The step's float64 products are not counted as operations",
    ),
)  # fmt: skip
TRAINING = columns(
    "data set", "what", "cells", "jobs", "s in all", "s a cell", "epochs", "note",
    notes=("in all: starting the processes included; a cell: reading and loading included",),
)  # fmt: skip
NOTES = columns("piece", "what happened")


def show(rows: Sequence[Row], style: str) -> None:
    """Print rows as JSON, Markdown or for a terminal."""
    timed = [row for row in rows if "note" not in row or row.get("contender")]
    coarsened = [row for row in of_kind(rows, "coarsen") if "contender" in row]
    tables = [
        Table("Correctness", correctness_lines(rows), CORRECTNESS),
        Table("Coarsening", measured(coarsened, OURS_GIVEN, ".3g"), COARSEN),
        Table("Against what is required", target_lines(rows), TARGETS),
        Table("What the device can do", rates_lines(rows), RATES),
        Table("Share of the ceiling", ceiling_lines(rows), CEILINGS),
        *epoch_tables(timed),
        Table("Training", training_lines(rows), TRAINING),
        Table("Not done", note_lines(rows), NOTES),
    ]
    show_tables(rows, tables, style)


def correctness_lines(rows: Sequence[Row]) -> list[Row]:
    """Return a line for each backend and dtype, then those about waiting and repeating."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in of_kind(rows, "correctness"):
        groups.setdefault((row["backend"], row["dtype"]), []).append(row)
    lines = []
    for (backend, dtype), found in groups.items():
        wrong = [f"{row['case']} ({', '.join(row['wrong'])})" for row in found if row["wrong"]]
        worst = max(error for row in found for error in row["errors"].values())
        lines.append(
            {
                "check": "values and gradients",
                "of": backend,
                "dtype": dtype,
                "checked": f"{len(found)} batches",
                "worst error": f"{worst:.0e}",
                "allowed": f"{found[0]['tolerance']:.0e}",
                "verdict": FAILED if wrong else OK,
                "where it fails": "; ".join(wrong),
            }
        )
    for kind in ("waiting", "repeating"):
        for row in of_kind(rows, kind):
            different = row.get("different")
            what = f"results {different}" if different else row.get("note") or ""
            lines.append(
                {
                    "check": kind,
                    "of": row["case"],
                    "verdict": row["verdict"],
                    "checked": row.get("form", ""),
                    "where it fails": what,
                }
            )
    return lines


def target_lines(rows: Sequence[Row]) -> list[Row]:
    """Return a line for each comparison with PyG."""
    return [
        {
            "batches": row["set"],
            "what": row["what"],
            "required": number(row["required"], ".3g") or NONE,
            "measured": number(row["measured"], ".3g") or row.get("note", ""),
            "verdict": row["verdict"],
        }
        for row in of_kind(rows, "requirement")
    ]


def rates_lines(rows: Sequence[Row]) -> list[Row]:
    """Return the line of the device's rates."""
    lines = []
    for row in of_kind(rows, "rates"):
        line = {"copy TB/s": f"{row['bytes_per_s'] / 1e12:.2f}"}
        for kind in ("float32", "tf32", "bfloat16", "float64"):
            rate = row["flops_per_s"].get(kind)
            line[f"{kind} TFLOP/s"] = "" if rate is None else f"{rate / 1e12:.3g}"
        lines.append(line)
    return lines


def ceiling_lines(rows: Sequence[Row]) -> list[Row]:
    """Return a line for each pass on each batch."""
    return [
        {
            "what": row["what"],
            "nodes": f"{row['nodes']:,}",
            "K": str(row["clusters"]),
            "F": str(row["features"]),
            "dtype": row["dtype"],
            "median ms": number(row.get("median_ms"), ".3g") or row["note"],
            "TB/s": f"{row['bytes_per_s'] / 1e12:.3g}" if "bytes_per_s" in row else "",
            "TFLOP/s": f"{row['flops_per_s'] / 1e12:.3g}" if "flops_per_s" in row else "",
            "ceiling ms": number(row.get("ceiling_ms"), ".3g"),
            "bound": row.get("bound", ""),
            "share": number(row.get("share"), ".0%"),
            "required": number(row.get("required"), ".0%"),
            "verdict": row.get("verdict", ""),
        }
        for row in of_kind(rows, "ceiling")
    ]


def training_lines(rows: Sequence[Row]) -> list[Row]:
    """Return a line for each data set that was trained."""
    return [
        {
            "data set": row["set"],
            "what": row["label"],
            "cells": f"{row['cells'] - row['failed']} of {row['cells']}",
            "jobs": str(row["jobs"]),
            "s in all": f"{row['seconds']:.1f}",
            "s a cell": ", ".join(f"{seconds:.1f}" for seconds in row["cell_seconds"]),
            "epochs": ", ".join(str(number) for number in row["epochs"]),
            "note": row["run"],
        }
        for row in of_kind(rows, "training")
        if "run" in row
    ]


def note_lines(rows: Sequence[Row]) -> list[Row]:
    """Return a line for each piece without figures: failed, left out, or without its data."""
    return [
        {"piece": row["part"], "what happened": f"{row['note']} {row.get('verdict', '')}".strip()}
        for row in rows
        if row["kind"] in (CRASH, SKIPPED) or (row.get("note") and "contender" not in row)
        if row["kind"] not in ("waiting", "requirement", "ceiling")
    ]
