"""Picture of the results: a panel a data set, an interval a method, published figures marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.data.splits import NUM_FOLDS
from benchmarks.runs.paper_cells import TABLES
from benchmarks.spec import published
from benchmarks.spec.errors import UsageError

Row = dict[str, Any]

# Okabe and Ito's colours, safe for the colour-blind; shapes tell the marks apart in grey.
OURS, PAPER, SAME, BEST = "#0072B2", "#D55E00", "#009E73", "#444444"
_DATASETS = (*TABLES["2"][0], *TABLES["1"][0])
_METHODS = (*published.WITHOUT_EDGES, *published.TABLE_1_METHODS, *published.TABLE_2_METHODS)
_INCHES_A_METHOD, _INCHES_A_PANEL = 0.27, 2.5


def draw_results(rows: Sequence[Row], path: Path) -> None:
    """Draw rows of ``python -m benchmarks table`` as a PNG.

    Args:
        rows: One for each data set and method, all of one protocol.
        path: The file.

    Raises:
        UsageError: If there are no rows, or protocols are mixed.
    """
    protocols = sorted({row["protocol"] for row in rows})
    if not rows:
        raise UsageError("--plot: expected results to draw, there are none")
    if len(protocols) > 1:
        raise UsageError(
            f"--plot: results of {' and '.join(protocols)} are not comparable; choose one by "
            "--protocol"
        )
    datasets = _in_order({row["dataset"] for row in rows}, _DATASETS)
    methods = _in_order({row["method"] for row in rows}, _METHODS)
    figure = Figure(
        # Wide enough for the legend where there is a single data set.
        figsize=(
            max(_INCHES_A_PANEL * len(datasets), 5.5) + 1.2,
            _INCHES_A_METHOD * len(methods) + 1.6,
        ),
        layout="constrained",
    )
    panels = figure.subplots(1, len(datasets), squeeze=False, sharey=True)[0]
    for axes, dataset in zip(panels, datasets, strict=True):
        _draw_panel(axes, [row for row in rows if row["dataset"] == dataset], methods)
    panels[0].set_yticks(range(len(methods)), methods)
    # The first method on top.
    panels[0].set_ylim(len(methods) - 0.4, -0.6)
    optimistic = ", optimistic" if protocols == ["reference"] else ""
    figure.suptitle(f"Accuracy in % under protocol {protocols[0]}{optimistic}", fontsize=11)
    figure.legend(
        handles=_legend(protocols[0], rows), loc="outside lower center", ncols=3, frameon=False,
        fontsize=8,
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _in_order(names: set[str], known: Sequence[str]) -> list[str]:
    """Return names in a known order, those that it has not at the end."""
    place = {name: number for number, name in enumerate(dict.fromkeys(known))}
    return sorted(names, key=lambda name: (place.get(name, len(place)), name))


def _draw_panel(axes: Axes, rows: Sequence[Row], methods: Sequence[str]) -> None:
    axes.set_title(_title(rows), fontsize=10)
    axes.grid(True, color="#E4E4E4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    best, name = rows[0]["best_published"], rows[0]["best_published_method"]
    if best is not None:
        axes.axvline(best, color=BEST, linestyle="--", linewidth=1, zorder=1)
        axes.set_xlabel(f"best published: {best:.1f}\n({name})", fontsize=8)
    for row in rows:
        y = methods.index(row["method"])
        if row["low"] is not None:
            axes.plot([row["low"], row["high"]], [y, y], color=OURS, linewidth=2.4, zorder=2)
        # A row without all folds is no result yet.
        face = OURS if _is_complete(row) else "white"
        axes.plot(row["mean"], y, "o", color=OURS, markerfacecolor=face, markersize=5.5, zorder=4)
        if row["published"] is not None and row["published"] != row["paper"]:
            axes.plot(row["published"], y, "|", color=SAME, markersize=11, mew=2, zorder=3)
        if row["paper"] is not None:
            axes.plot(
                row["paper"], y, "D", color=PAPER, markerfacecolor="none", markersize=5, zorder=3
            )


def _title(rows: Sequence[Row]) -> str:
    metric = rows[0]["metric"]
    return str(rows[0]["dataset"]) + ("" if metric == "accuracy" else f" ({metric})")


def _is_complete(row: Row) -> bool:
    return bool(row["folds"] == f"0-{NUM_FOLDS - 1}" or row["official"])


def _legend(protocol: str, rows: Sequence[Row]) -> list[Line2D]:
    handles = [
        Line2D([], [], color=OURS, marker="o", linewidth=2.4, label="ours, 95 % interval"),
        Line2D([], [], color=BEST, linestyle="--", linewidth=1, label="best published"),
        Line2D(
            [], [], color=PAPER, marker="D", markerfacecolor="none", linestyle="none",
            label="the paper's" + (" (protocol reference)" if protocol == "fair" else ""),
        ),
    ]  # fmt: skip
    if protocol == "fair":
        mark = {"color": SAME, "marker": "|", "linestyle": "none", "markersize": 11, "mew": 2}
        handles.append(Line2D([], [], **mark, label="the method's, published under fair"))
    if not all(map(_is_complete, rows)):
        mark = {"color": OURS, "marker": "o", "markerfacecolor": "white", "linestyle": "none"}
        handles.append(Line2D([], [], **mark, label="ours, not on all folds yet"))
    return handles
