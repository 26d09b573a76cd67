"""The tables that ``python -m benchmarks coarsen`` prints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from benchmarks.coarsen.contenders import OURS
from benchmarks.coarsen.profile import SHARES
from benchmarks.coarsen.requirements import multiple, requirements
from benchmarks.plain_console import PlainConsole

Row = dict[str, Any]
Lines = list[list[str]]

MEASURED = (
    "batches",
    "contender",
    "median ms (quartiles)",
    "time / ours",
    "× limit",
    "peak MiB",
    "error, outputs",
    "error, gradients",
)
COMPARED = ("batches", "contender", "against", "required", "measured", "")
PROFILED = ("batches", "ms", *SHARES)
SWEPT = ("B", "mean n", "max n", "K", "F", "padded ms", "ragged ms", "chosen")
FITTED = ("constants", "CALL_COST", "PADDED_CALLS", "mean time / the faster's", "worst")


KERNELS = ("batches", "operation", "columns", "kernel", "ms a batch", "time / best", "error")


def show(rows: Sequence[Row], style: str, what: str = "contenders") -> None:
    """Print rows as JSON, Markdown or for a terminal: contenders, backends or kernels."""
    if style == "json":
        print(json.dumps(list(rows), indent=1))
        return
    tables: list[tuple[str, Sequence[str], Lines]]
    if what == "backends":
        tables = [
            ("Both backends, forward + backward", SWEPT, _swept(rows)),
            ("Constants of the rule between them", FITTED, _fitted(rows)),
        ]
    elif what == "kernels":
        tables = [("Sparse products and segment sums", KERNELS, _kernels(rows))]
    else:
        tables = [
            ("Coarsening with both losses, forward + backward", MEASURED, _measured(rows)),
            ("Where our time goes, in ms a batch (%)", PROFILED, profiled(rows)),
            ("Against what is required", COMPARED, requirements(rows)),
        ]
    console = PlainConsole()
    for title, header, lines in tables:
        if style == "markdown":
            print(f"\n{title}\n\n" + "\n".join(_markdown(header, lines)))
        else:
            console.print(_rich(title, header, lines))


def _measured(rows: Sequence[Row]) -> Lines:
    ours = {row["set"]: row.get("median_ms") for row in rows if row["contender"] == OURS}
    lines, last = [], None
    for row in rows:
        name = "" if row["set"] == last else _describe(row)
        last = row["set"]
        if "note" in row:
            lines.append([name, row["contender"], row["note"], *[""] * (len(MEASURED) - 3)])
            continue
        median, relative = "not timed", ""
        if "median_ms" in row:
            spread = f"({row['quartile_1_ms']:.1f}–{row['quartile_3_ms']:.1f})"
            median = f"{row['median_ms']:.1f} {spread}"
            relative = f"{row['median_ms'] / ours[row['set']]:.2f}"
        peak = row.get("peak_mib")
        errors = row.get("relative_errors", {})
        gradients = [error for kind, error in errors.items() if kind.startswith("gradient")]
        outputs = [error for kind, error in errors.items() if not kind.startswith("gradient")]
        lines.append(
            [
                name,
                row["contender"],
                median,
                relative,
                multiple(row["times_limit"]) if "times_limit" in row else "",
                "" if peak is None else f"{peak:.0f}",
                *(f"{max(found):.0e}" if found else "" for found in (outputs, gradients)),
            ]
        )
    return lines


def profiled(rows: Sequence[Row]) -> Lines:
    """Return one line for each set of batches: its time, and what of it goes where."""
    lines = []
    for row in rows:
        shares = row.get("profile_ms")
        if shares is None:
            continue
        wall = sum(shares.values())
        parts = [f"{shares[name]:.2f} ({100 * shares[name] / wall:.0f})" for name in SHARES]
        lines.append([row["set"], f"{wall:.2f}", *parts])
    return lines


def _describe(row: Row) -> str:
    clusters = "/".join(str(number) for number in sorted(set(row["clusters"])))
    return (
        f"{row['set']}: {row['batches']} × {row['graphs']} graphs of {row['mean_nodes']:.0f} nodes,"
        f" largest {row['largest']}, F = {row['features']}, K = {clusters}"
    )


def _swept(rows: Sequence[Row]) -> Lines:
    return [
        [
            *(str(row[key]) for key in ("graphs", "mean_nodes", "largest", "clusters", "features")),
            *(f"{row['median_ms'][backend]:.2f}" for backend in ("padded", "ragged")),
            row["chosen"],
        ]
        for row in rows
        if "chosen" in row
    ]


def _fitted(rows: Sequence[Row]) -> Lines:
    return [
        [
            whose,
            f"{constants['call_cost']:_}",
            str(constants["padded_calls"]),
            *(f"{constants[regret]:.3f}" for regret in ("mean_regret", "worst_regret")),
        ]
        for row in rows
        for whose in ("library", "fitted")
        if (constants := row.get(f"{whose}_constants")) is not None
    ]


def _kernels(rows: Sequence[Row]) -> Lines:
    lines, last = [], None
    best: dict[tuple[str, ...], float] = {}
    for row in rows:
        group = _kernel_group(row)
        best[group] = min(best.get(group, float("inf")), row["median_ms"])
    for row in rows:
        group = _kernel_group(row)
        lines.append(
            [
                *(("", "", "") if group == last else group),
                row["kernel"],
                f"{row['median_ms']:.3f}",
                f"{row['median_ms'] / best[group]:.2f}",
                f"{row['relative_error']:.0e}",
            ]
        )
        last = group
    return lines


def _kernel_group(row: Row) -> tuple[str, ...]:
    return row["set"], row["operation"], "/".join(map(str, row["columns"]))


def _markdown(header: Sequence[str], lines: Lines) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *lines)]


def _rich(title: str, header: Sequence[str], lines: Lines) -> Table:
    table = Table(title=title, title_justify="left")
    for column in header:
        table.add_column(column, overflow="fold")
    for line in lines:
        table.add_row(*line)
    return table
