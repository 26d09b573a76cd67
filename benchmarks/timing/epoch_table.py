"""The tables that ``python -m benchmarks epoch`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.timing.folds import FOLDS, ONE
from benchmarks.timing.rivals import PYG, TGP
from benchmarks.timing.tables import Table, columns, of_kind, once_each, show_tables, spread
from benchmarks.timing.targets import at_least, fastest
from benchmarks.timing.trainees import OURS, OURS_FEW_CLUSTERS, PYG_DROPPED

Row = dict[str, Any]

# (data set, rival) -> how many times faster ours has to be.
REQUIRED = {
    ("ENZYMES", PYG): 3.0,
    ("PROTEINS", PYG): 8.0,
    ("PROTEINS", PYG_DROPPED): 1.5,
    ("DD", PYG): 15.0,
}
FASTER_TGP = "the faster tgp"
# A fold trains on the other nine tenths.
TRAINED_SHARE = (FOLDS - 1) / FOLDS

EPOCHS = columns(
    "data set", "contender", "time / ours", "s an epoch (quartiles)", "graphs/s", "graphs", "K",
    "parameters", "how",
    notes=(
        "an epoch: loading, forward, backward and optimiser step over all graphs; no validation. "
        "One plain loop, batch size, fused Adam and sum of losses for all; contenders take turns",
        "ours: DiffPoolNet (three GraphSAGE layers a block, batch normalisation, concatenation, "
        "mean readout) from ResidentLoader; its assignment blocks are hidden width up to a linear "
        "layer, where PyG's third layer and a linear layer with ReLU are K wide",
        "PyG: the network of its examples/proteins_diff_pool.py with ToDense and DenseDataLoader; "
        "both losses added, which the example leaves out. Data sets with a graph over 1,000 nodes: "
        "padded by batch, K = 100",
        "tgp: SAGEConv blocks and its DiffPool, whose assignment is a linear layer and no GNN: "
        "fewer layers than the others",
        "extrapolated: by the graphs in the steps timed; where graphs are padded by batch, the few "
        "batches with the largest graphs weigh most, and are likely not among them",
    ),
)  # fmt: skip
FOLD_RUNS = columns(
    "data set", "contender", "folds", "s for an epoch of all folds", "graphs/s",
    "times as fast as one by one", "how",
    notes=(
        f"{FOLDS} folds, each trained on nine tenths of the graphs; without imports, loading and "
        "validation",
        "computed: s an epoch × 10 folds × 0.9, that is, one after another",
    ),
)  # fmt: skip
REQUIREMENTS = columns(
    "data set", "ours faster than", "required", "measured", "verdict",
    notes=("measured: their seconds an epoch over ours; on a busy machine look at the quartiles",),
)  # fmt: skip


def epoch_tables(rows: Sequence[Row]) -> list[Table]:
    """Return the tables of epochs and of runs of ten folds."""
    return [
        Table("One training epoch", epoch_lines(rows), EPOCHS),
        Table(f"A run of {FOLDS} folds", fold_lines(rows), FOLD_RUNS),
    ]


def show(rows: Sequence[Row], style: str) -> None:
    """Print rows as JSON, Markdown or for a terminal."""
    targets = Table("Against what is required", requirements(rows), REQUIREMENTS)
    show_tables(rows, [*epoch_tables(rows), targets], style)


def epoch_lines(rows: Sequence[Row]) -> list[Row]:
    """Return one line for each contender and data set, the ratio to ours in front."""
    ours = _epoch_seconds(rows, OURS)
    lines = []
    for row in of_kind(rows, "epoch"):
        line = {"data set": row["set"], "contender": row["contender"], "how": _how(row)}
        if "median_s" in row:
            seconds = row["median_s"]
            base = ours.get(row["set"])
            line |= {
                "time / ours": "" if base is None else f"{seconds / base:.2f}",
                "s an epoch (quartiles)": spread(row, "s", ".2f"),
                "graphs/s": f"{row['graphs'] / seconds:.0f}",
                "graphs": str(row["graphs"]),
                "K": "/".join(map(str, row["clusters"])),
                "parameters": f"{row['parameters']:,}",
            }
        lines.append(line)
    return once_each(lines, "data set")


def _how(row: Row) -> str:
    if "note" in row:
        return str(row["note"])
    parts = []
    if row["sampled_steps"] is None:
        parts.append(f"{len(row['turns'])} epochs of {row['steps']} steps")
    else:
        rounds = f"{len(row['turns'])} × " if len(row["turns"]) > 1 else ""
        parts.append(f"extrapolated from {rounds}{row['sampled_steps']} of {row['steps']} steps")
    if row["dropped"]:
        parts.append(f"drops {row['dropped']} of {row['graphs'] + row['dropped']} graphs")
    if row.get("peak_mib"):
        parts.append(f"own process, peak {row['peak_mib']:.0f} MiB")
    return "; ".join(parts)


def fold_lines(rows: Sequence[Row]) -> list[Row]:
    """Return one line for each measured way to run all folds, then the rivals' computed times."""
    lines = []
    for row in of_kind(rows, "folds"):
        one = [
            other["seconds"]
            for other in of_kind(rows, "folds")
            if other["set"] == row["set"] and other["mode"] == ONE
        ]
        at_once = "one by one" if row["mode"] == ONE else f"{row['jobs']} {row['mode']}"
        lines.append(
            {
                "data set": row["set"],
                "contender": row["contender"],
                "folds": at_once,
                "s for an epoch of all folds": f"{row['seconds'] / row['epochs']:.2f}",
                "graphs/s": f"{row['graphs'] / row['seconds']:.0f}",
                "times as fast as one by one": f"{one[0] / row['seconds']:.2f}" if one else "",
                "how": f"measured, {row['epochs']} of each fold; threads: {row['threads']}",
            }
        )
    sets = {row["set"] for row in of_kind(rows, "folds")}
    for row in of_kind(rows, "epoch"):
        if row["set"] not in sets or row["contender"] == OURS or "median_s" not in row:
            continue
        seconds = row["median_s"] * FOLDS * TRAINED_SHARE
        lines.append(
            {
                "data set": row["set"],
                "contender": row["contender"],
                "folds": "one by one",
                "s for an epoch of all folds": f"{seconds:.2f}",
                "graphs/s": f"{row['graphs'] / row['median_s']:.0f}",
                "times as fast as one by one": "",
                "how": "computed from its epoch",
            }
        )
    return lines


def requirements(rows: Sequence[Row]) -> list[Row]:
    """Return one line for each rival: how many times faster ours is, and what is required."""
    medians: dict[str, dict[str, float]] = {}
    for row in of_kind(rows, "epoch"):
        if "median_s" in row:
            medians.setdefault(row["set"], {})[row["contender"]] = row["median_s"]
    lines = []
    for name, times in medians.items():
        ours, few, dropped = map(times.get, (OURS, OURS_FEW_CLUSTERS, PYG_DROPPED))
        for rival, theirs, mine, label in (
            (PYG, times.get(PYG), ours, PYG),
            (PYG_DROPPED, dropped, ours, f"{PYG_DROPPED}, its smaller K; ours keeps all graphs"),
            (PYG_DROPPED, dropped, few, f"{PYG_DROPPED}, the same K; ours keeps all graphs"),
            (FASTER_TGP, fastest(times, TGP), ours, FASTER_TGP),
        ):
            if theirs is not None and mine is not None:
                line = {"data set": name, "ours faster than": label}
                lines.append(line | at_least(REQUIRED.get((name, rival)), theirs / mine))
    return lines


def _epoch_seconds(rows: Sequence[Row], contender: str) -> dict[str, float]:
    return {
        row["set"]: row["median_s"]
        for row in of_kind(rows, "epoch")
        if row["contender"] == contender and "median_s" in row
    }
