"""Picture of time and peak memory against size, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.timing.scaling import FIXED, RIVALS
from benchmarks.timing.scaling_table import fit_curve

Row = dict[str, Any]

# Okabe and Ito's colours, safe for the colour-blind; markers tell the contenders apart in grey.
STYLES = dict(zip(RIVALS, (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^")), strict=True))
QUANTITIES = (("time", "median_ms", "time, ms"), ("memory", "peak_mib", "peak memory, MiB"))
AXIS_LABELS = {
    "nodes": "nodes in the graph",
    "edges": "edges",
    "clusters": "clusters K",
    "graphs": "graphs in the batch",
}
SMALLEST_SHOWN_MIB = 0.1


def draw_scaling(rows: Sequence[Row], path: Path) -> None:
    """Draw one column for each axis that was varied, time above memory, as a PNG."""
    axes_varied = list(dict.fromkeys(row["axis"] for row in rows))
    # Wide enough for title and legend where a single size was varied.
    figure = Figure(figsize=(max(4.4 * len(axes_varied), 8.4), 7.4), layout="constrained")
    grid = figure.subplots(2, len(axes_varied), squeeze=False, sharex="col")
    for column, axis in enumerate(axes_varied):
        curves = {
            name: [row for row in rows if (row["axis"], row["contender"]) == (axis, name)]
            for name in RIVALS
        }
        for line, (quantity, key, label) in enumerate(QUANTITIES):
            axes = grid[line][column]
            _draw_panel(axes, curves, quantity, key)
            axes.set_ylabel(label)
        grid[0][column].set_title(f"{FIXED[axis]}", fontsize=10)
        grid[1][column].set_xlabel(AXIS_LABELS[axis])
    handles = [
        Line2D([], [], color=color, marker=marker, label=name)
        for name, (color, marker) in STYLES.items()
    ]
    handles.append(
        Line2D([], [], color="black", marker="x", linestyle=":", label="died: memory or time limit")
    )
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figure.suptitle("Coarsening with both losses, forward + backward; slopes of log over log")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _draw_panel(axes: Axes, curves: Mapping[str, Sequence[Row]], quantity: str, key: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(True, which="major", color="#DDDDDD", linewidth=0.6)
    notes = []
    for name, curve in curves.items():
        color, marker = STYLES[name]
        done = [row for row in curve if key in row]
        sizes = [row["size"] for row in done]
        values = [max(row[key], SMALLEST_SHOWN_MIB) for row in done]
        axes.plot(sizes, values, color=color, marker=marker, markersize=5, linewidth=1.4)
        fit = fit_curve(curve)[quantity]
        if fit is not None:
            notes.append((f"{fit.exponent:.2f}", color))
        for row in curve:
            if "died" in row and done:
                # Where it would have been is not known: the cross lies on the last value.
                place = [sizes[-1], row["size"]], [values[-1], values[-1]]
                axes.plot(*place, color=color, linestyle=":", linewidth=1.2)
                axes.plot(row["size"], values[-1], color=color, marker="x", markersize=9, mew=2.2)
    for number, (text, color) in enumerate(notes):
        axes.annotate(
            f"slope {text}",
            (0.03, 0.95 - 0.075 * number),
            xycoords="axes fraction",
            color=color,
            fontsize=9,
            va="top",
        )
