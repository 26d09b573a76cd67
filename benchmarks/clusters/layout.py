"""The tables of an analysis: a run's levels, runs by their clusters, pairs by their objective."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.records.table_format import Layout, show

Record = dict[str, Any]
_FIGURES = {
    "clusters used": ("clusters_used", 1, 1.0),
    "effective": ("effective_clusters", 1, 1.0),
    "entropy, nats": ("entropy", 2, 1.0),
    "entropy / log K": ("relative_entropy", 2, 1.0),
    "density / random": ("density_ratio", 2, 1.0),
    "disconnected %": ("disconnected", 1, 100.0),
}
_NOTES = (
    "networks: each fold's chosen configuration, with the weights of its best epoch on its own "
    "validation graphs",
    "clusters used: those that are the likeliest of some node; effective: exp of the entropy of "
    "the graph's mean assignment; entropy: mean over nodes. Means over graphs, then ± population "
    "standard deviation over folds",
    "density / random: share of the pairs of nodes in one cluster that are joined, by what it is "
    "if the same labels are dealt at random (exactly: the graph's density); above 1, dense "
    "subgraphs are put together",
    "disconnected: share of the clusters of two nodes or more that fall apart in the input graph",
    "level 1 and above: use and entropy over the clusters of the level below, structure in the "
    "input graph by the product of the assignments",
)


def show_analysis(
    records: Sequence[Record], rows: Sequence[Record], effects: Sequence[Record], format_: str
) -> None:
    """Print the tables on stdout: as rich text, Markdown, or one JSON object.

    Args:
        records: What :func:`analyse_run` gave.
        rows: Runs by their number of clusters.
        effects: Pairs with and without the link objective.
        format_: ``rich``, ``markdown`` or ``json``.
    """
    if format_ == "json":
        found = {"runs": list(records), "sensitivity": list(rows), "link_objective": list(effects)}
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    for record in records:
        accuracy = record["accuracy"]
        _titled(
            f"{record['run']}: {record['part']} graphs of folds {accuracy['folds']}, accuracy "
            f"{accuracy['mean']:.2f} ± {accuracy['std']:.2f} %",
            level_rows(record),
            LEVELS,
            format_,
        )
    _titled("Accuracy by the number of clusters", rows, SENSITIVITY, format_)
    _titled("With the link objective, less without", effects, EFFECTS, format_)


def _titled(title: str, rows: Sequence[Record], layout: Layout, format_: str) -> None:
    if rows:
        sys.stdout.write(f"\n{title}\n\n")
        sys.stdout.flush()
        show(list(rows), layout, format_)


def level_rows(record: Record) -> list[Record]:
    """Return one row a level of a run."""
    levels = zip(record["levels"], record["level_folds"], strict=True)
    return [
        {"level": number, "folds": folds, **level} for number, (level, folds) in enumerate(levels)
    ]


def _spread(name: str, digits: int, scale: float) -> Callable[[Record], str]:
    def fill(row: Record) -> str:
        figure = row[name]
        if figure["mean"] is None:
            return "–"
        return f"{scale * figure['mean']:.{digits}f} ± {scale * figure['std']:.{digits}f}"

    return fill


def _of_levels(name: str, digits: int, scale: float, sign: str = "") -> Callable[[Record], str]:
    """Fill with one number a level, of means or of differences."""

    def fill(row: Record) -> str:
        texts = []
        for level in row["levels"] or ():
            value = level[name]["mean"] if isinstance(level[name], dict) else level[name]
            texts.append("–" if value is None else f"{scale * value:{sign}.{digits}f}")
        return ", ".join(texts)

    return fill


def _clusters(row: Record) -> str:
    return "/".join(map(str, row["clusters"]))


LEVELS = Layout(
    {
        "level": lambda row: str(row["level"]),
        "folds": lambda row: str(row["folds"]),
        "nodes": _spread("nodes", 1, 1.0),
        "K": _spread("clusters_available", 1, 1.0),
        **{head: _spread(*figure) for head, figure in _FIGURES.items()},
        "disconnected %, labels dealt at random": _spread("disconnected_shuffled", 1, 100.0),
    },
    _NOTES,
)
SENSITIVITY = Layout(
    {
        "data set": lambda row: str(row["dataset"]),
        "protocol": lambda row: str(row["protocol"]),
        "C": _clusters,
        "method": lambda row: str(row["method"]),
        "link weight": lambda row: ", ".join(map(str, row["link_weight"])),
        "accuracy %": lambda row: f"{row['mean']:.2f} ± {row['std']:.2f}",
        "folds": lambda row: str(row["folds"]),
        **{head: _of_levels(*figure) for head, figure in _FIGURES.items()},
        "run": lambda row: str(row["run"]),
    },
    ("C: largest number of clusters of each pooling over folds; figures: one a level",),
)
EFFECTS = Layout(
    {
        "data set": lambda row: str(row["dataset"]),
        "protocol": lambda row: str(row["protocol"]),
        "C": _clusters,
        "accuracy": lambda row: "" if row["accuracy"] is None else f"{row['accuracy']:+.2f}",
        "folds": lambda row: str(row["folds"]),
        **{head: _of_levels(*figure, "+") for head, figure in _FIGURES.items()},
        "settings that differ too": lambda row: ", ".join(row["also_differ"]) or "none",
        "with": lambda row: str(row["with"]),
        "without": lambda row: str(row["without"]),
    },
    ("differences over the folds that both have, one a level",),
)
