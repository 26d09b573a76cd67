"""The tables that ``python -m benchmarks gpu`` prints."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.timing.coarsen_table import measured_table
from benchmarks.timing.epoch_table import epoch_tables
from benchmarks.timing.gpu.part import FAILED, OK
from benchmarks.timing.gpu.process import CRASH, SKIPPED
from benchmarks.timing.limited_process import OUT_OF_MEMORY
from benchmarks.timing.rivals import OURS_GIVEN, PYG, PYG_GIVEN
from benchmarks.timing.tables import Table, number, of_kind, show_tables
from benchmarks.timing.targets import at_least
from benchmarks.timing.works import Row

REQUIRED_TIMES = {"DD": 10.0, "REDDIT-like": 50.0}
REQUIRED_MEMORY_TIMES = dict.fromkeys(REQUIRED_TIMES, 50.0)

CORRECTNESS_NOTES = (
    "error: the largest over the largest exact value, of every result and gradient, against a "
    "dense float64 oracle on the CPU",
    "waiting: forward and backward while torch raises where it would wait for the device",
    "repeating: results of repeated runs, compared bit by bit",
)
COARSEN_NOTES = (
    "forward and backward with both losses, conversions included; time by events, in turns; "
    "peak: of one pass on the largest batch, above what is there before",
    f"ours: {OURS_GIVEN}, as ResidentLoader gives a batch; error: of the first batch, against "
    "float64, where a dense reference is possible",
)
TARGET_NOTES = ("against the better of PyG and PyG told the size of the largest graph",)
RATE_NOTES = ("a copy counts bytes read and written; a multiply-add counts as two operations",)
CEILING_NOTES = (
    "ceiling: the larger of bytes over the copy's rate and operations over the product's; "
    "bytes are those that must move if each stage reads and writes once; float32 is not "
    "rounded to tf32. The step's float64 products are not counted as operations",
)
TRAINING_NOTES = ("in all: starting the processes included; a cell: reading and loading included",)


def show(rows: Sequence[Row], style: str) -> None:
    """Print rows as JSON, Markdown or for a terminal."""
    timed = [row for row in rows if "note" not in row or row.get("contender")]
    coarsened = of_kind(rows, "coarsen")
    tables = [
        Table("Correctness", correctness_lines(rows), CORRECTNESS_NOTES),
        measured_table(coarsened, OURS_GIVEN, ".3g", COARSEN_NOTES),
        Table("Against what is required", target_lines(coarsened), TARGET_NOTES),
        Table("What the device can do", rates_lines(rows), RATE_NOTES),
        Table("Share of the ceiling", ceiling_lines(rows), CEILING_NOTES),
        *epoch_tables(timed),
        Table("Training", training_lines(rows), TRAINING_NOTES),
        Table("Not done", note_lines(rows)),
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
    for row in [*of_kind(rows, "waiting"), *of_kind(rows, "repeating")]:
        different = row.get("different")
        lines.append(
            {
                "check": row["kind"],
                "of": row["case"],
                "checked": row.get("form", ""),
                "verdict": row["verdict"],
                "where it fails": f"results {different}" if different else row.get("note") or "",
            }
        )
    return lines


def target_lines(rows: Sequence[Row]) -> list[Row]:
    """Return two lines for each set: ours as loaded against the better PyG, in time and memory."""
    sets: dict[str, dict[str, Row]] = {}
    for row in rows:
        sets.setdefault(row["set"], {})[row["contender"]] = row
    lines = []
    for name, by_contender in sets.items():
        ours, rivals = by_contender[OURS_GIVEN], [by_contender[rival] for rival in (PYG, PYG_GIVEN)]
        for key, what, required in (
            ("median_ms", "times as fast as PyG", REQUIRED_TIMES),
            ("peak_mib", "PyG's peak memory over ours", REQUIRED_MEMORY_TIMES),
        ):
            mine, theirs = ours.get(key), [row[key] for row in rivals if row.get(key) is not None]
            ratio = min(theirs) / mine if mine and theirs else None
            judged = at_least(required.get(name), ratio, _why_not(ours, rivals))
            lines.append({"batches": name, "what": what, **judged})
    return lines


def _why_not(ours: Row, rivals: Sequence[Row]) -> str:
    if ours.get("note"):
        return f"ours: {ours['note']}"
    notes = {str(rival["note"]) for rival in rivals if rival.get("note")}
    if notes == {OUT_OF_MEMORY}:
        return "PyG runs out of memory"
    return "; ".join(sorted(notes)) or "not measured"


def rates_lines(rows: Sequence[Row]) -> list[Row]:
    """Return the line of the device's rates."""
    return [
        {"copy TB/s": f"{row['bytes_per_s'] / 1e12:.2f}"}
        | {f"{kind} TFLOP/s": f"{rate / 1e12:.3g}" for kind, rate in row["flops_per_s"].items()}
        for row in of_kind(rows, "rates")
    ]


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
    ]


def note_lines(rows: Sequence[Row]) -> list[Row]:
    """Return a line for each piece without figures: failed, left out, or without its data."""
    return [
        {"piece": row["part"], "what happened": f"{row['note']} {row.get('verdict', '')}".strip()}
        for row in rows
        if row["kind"] in (CRASH, SKIPPED)
    ]
