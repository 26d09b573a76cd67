"""The tables that ``python -m benchmarks gpu`` prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.epoch.table import EPOCHS, FOLD_RUNS, epoch_lines, fold_lines
from benchmarks.gpu.coarsen import OURS_GIVEN
from benchmarks.gpu.part import FAILED, OK
from benchmarks.gpu.process import CRASH, SKIPPED
from benchmarks.table_format import Layout, show

Row = dict[str, Any]


def _layout(*columns: str, notes: tuple[str, ...] = ()) -> Layout:
    return Layout({name: lambda row, name=name: row[name] for name in columns}, notes)  # type: ignore[misc]


CORRECTNESS = _layout(
    "check", "of", "dtype", "checked", "worst error", "allowed", "verdict", "where it fails",
    notes=(
        "error: the largest over the largest exact value, of every result and gradient, against a "
        "dense float64 oracle on the CPU",
        "waiting: forward and backward while torch raises where it would wait for the device",
        "repeating: results of repeated runs, compared bit by bit",
    ),
)  # fmt: skip
COARSEN = _layout(
    "batches", "contender", "median ms (quartiles)", "time / ours", "peak MiB", "worst error",
    notes=(
        "forward and backward with both losses, conversions included; time by events, in turns; "
        "peak: of one pass on the largest batch, above what is there before",
        f"ours: {OURS_GIVEN}, as ResidentLoader gives a batch; error: of the first batch, against "
        "float64, where a dense reference is possible",
    ),
)  # fmt: skip
TARGETS = _layout(
    "batches", "what", "required", "measured", "verdict",
    notes=("against the better of PyG and PyG told the size of the largest graph",),
)  # fmt: skip
RATES = _layout(
    "copy TB/s", "float32 TFLOP/s", "tf32 TFLOP/s", "bfloat16 TFLOP/s", "float64 TFLOP/s",
    notes=("a copy counts bytes read and written; a multiply-add counts as two operations",),
)  # fmt: skip
CEILINGS = _layout(
    "what", "nodes", "K", "F", "dtype", "median ms", "TB/s", "TFLOP/s", "ceiling ms", "bound",
    "share", "required", "verdict",
    notes=(
        "ceiling: the larger of bytes over the copy's rate and operations over the product's; "
        "bytes are those that must move if each stage reads and writes once; float32 is not "
        "rounded to tf32. The step's float64 products are not counted as operations",
    ),
)  # fmt: skip
TRAINING = _layout(
    "data set", "what", "cells", "jobs", "s in all", "s a cell", "epochs", "note",
    notes=("in all: starting the processes included; a cell: reading and loading included",),
)  # fmt: skip
NOTES = _layout("piece", "what happened")


def show_rows(rows: Sequence[Row], style: str) -> None:
    """Print rows as JSON, Markdown or for a terminal."""
    if style == "json":
        sys.stdout.write(json.dumps(list(rows), indent=1) + "\n")
        return
    timed = [row for row in rows if "note" not in row or row.get("contender")]
    for title, lines, layout in (
        ("Correctness", correctness_lines(rows), CORRECTNESS),
        ("Coarsening", coarsen_lines(rows), COARSEN),
        ("Against what is required", target_lines(rows), TARGETS),
        ("What the device can do", rates_lines(rows), RATES),
        ("Share of the ceiling", ceiling_lines(rows), CEILINGS),
        ("One training epoch", epoch_lines(timed), EPOCHS),
        ("A run of ten folds", fold_lines(timed), FOLD_RUNS),
        ("Training", training_lines(rows), TRAINING),
        ("Not done", note_lines(rows), NOTES),
    ):
        if lines:
            sys.stdout.write(f"\n{title}\n\n")
            sys.stdout.flush()
            show(lines, layout, style)


def correctness_lines(rows: Sequence[Row]) -> list[Row]:
    """Return a line for each backend and dtype, then those about waiting and repeating."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in _of(rows, "correctness"):
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
        for row in _of(rows, kind):
            different = row.get("different")
            what = f"results {different}" if different else row.get("note") or ""
            lines.append(
                dict.fromkeys(CORRECTNESS.columns, "")
                | {
                    "check": kind,
                    "of": row["case"],
                    "verdict": row["verdict"],
                    "checked": row.get("form", ""),
                    "where it fails": what,
                }
            )
    return lines


def coarsen_lines(rows: Sequence[Row]) -> list[Row]:
    """Return a line for each set and contender."""
    found = [row for row in _of(rows, "coarsen") if "contender" in row]
    ours = {
        row["set"]: row["median_ms"]
        for row in found
        if row["contender"] == OURS_GIVEN and "median_ms" in row
    }
    lines, last = [], None
    for row in found:
        line = dict.fromkeys(COARSEN.columns, "") | {"contender": row["contender"]}
        line["batches"] = "" if row["set"] == last else _describe(row)
        last = row["set"]
        if "median_ms" in row:
            spread = f"({row['quartile_1_ms']:.3g}–{row['quartile_3_ms']:.3g})"
            line["median ms (quartiles)"] = f"{row['median_ms']:.3g} {spread}"
            base = ours.get(row["set"])
            line["time / ours"] = "" if base is None else f"{row['median_ms'] / base:.2f}"
            line["peak MiB"] = _number(row.get("peak_mib"), ".0f") or row.get("peak_note") or ""
            errors = row.get("relative_errors")
            if isinstance(errors, dict):
                line["worst error"] = f"{max(errors.values()):.0e}"
        else:
            line["median ms (quartiles)"] = row["note"]
        lines.append(line)
    return lines


def _describe(row: Row) -> str:
    clusters = "/".join(str(number) for number in sorted(set(row["clusters"])))
    return (
        f"{row['set']}: {row['batches']} × {row['graphs']} graphs of {row['mean_nodes']:.0f} "
        f"nodes, largest {row['largest']}, F = {row['features']}, K = {clusters}"
    )


def target_lines(rows: Sequence[Row]) -> list[Row]:
    """Return a line for each comparison with PyG."""
    return [
        {
            "batches": row["set"],
            "what": row["what"],
            "required": _number(row["required"], ".3g") or "–",
            "measured": _number(row["measured"], ".3g") or row.get("note", ""),
            "verdict": row["verdict"],
        }
        for row in _of(rows, "requirement")
    ]


def rates_lines(rows: Sequence[Row]) -> list[Row]:
    """Return the line of the device's rates."""
    lines = []
    for row in _of(rows, "rates"):
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
            "median ms": _number(row.get("median_ms"), ".3g") or row["note"],
            "TB/s": f"{row['bytes_per_s'] / 1e12:.3g}" if "bytes_per_s" in row else "",
            "TFLOP/s": f"{row['flops_per_s'] / 1e12:.3g}" if "flops_per_s" in row else "",
            "ceiling ms": _number(row.get("ceiling_ms"), ".3g"),
            "bound": row.get("bound", ""),
            "share": _number(row.get("share"), ".0%"),
            "required": _number(row.get("required"), ".0%"),
            "verdict": row.get("verdict", ""),
        }
        for row in _of(rows, "ceiling")
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
        for row in _of(rows, "training")
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


def _number(value: float | None, style: str) -> str:
    return "" if value is None else format(value, style)


def _of(rows: Sequence[Row], kind: str) -> list[Row]:
    return [row for row in rows if row["kind"] == kind]
