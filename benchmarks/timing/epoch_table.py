"""The tables that ``python -m benchmarks epoch`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.timing.folds import FOLDS, ONE
from benchmarks.timing.loop_tables import function_table, loop_table
from benchmarks.timing.operators import operator_tables
from benchmarks.timing.rivals import PYG, TGP
from benchmarks.timing.starts import start_table
from benchmarks.timing.tables import Table, medians, of_kind, over, show_tables, spread
from benchmarks.timing.targets import at_least, fastest
from benchmarks.timing.trainees import (
    OURS,
    OURS_COMPILED,
    OURS_FEW_CLUSTERS,
    OURS_LIKE_TGP,
    PYG_DROPPED,
)

Row = dict[str, Any]

# (data set, rival) -> how many times faster ours has to be.
REQUIRED = {
    ("ENZYMES", PYG): 3.0,
    ("PROTEINS", PYG): 7.0,
    ("PROTEINS", PYG_DROPPED): 1.5,
    ("DD", PYG): 7.0,
}
FASTER_TGP = "the faster tgp"
REQUIRED_WITH_EQUAL_LAYERS = 1.3
# A fold trains on the other nine tenths.
TRAINED_SHARE = (FOLDS - 1) / FOLDS

EPOCH_NOTES = (
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
)
FOLD_NOTES = (
    f"{FOLDS} folds, each trained on nine tenths of the graphs; without imports, loading and "
    "validation",
    "computed: s an epoch × 10 folds × 0.9, that is, one after another",
)
REQUIRED_NOTES = (
    "measured: their seconds an epoch over ours; on a busy machine look at the quartiles",
)


def epoch_tables(rows: Sequence[Row]) -> list[Table]:
    """Return the tables of epochs, of runs of ten folds, of profiles and of starts."""
    return [
        Table("One training epoch", epoch_lines(rows), EPOCH_NOTES, once=("data set",)),
        Table(f"A run of {FOLDS} folds", fold_lines(rows), FOLD_NOTES),
        *operator_tables(of_kind(rows, "operators")),
        loop_table(of_kind(rows, "loop")),
        function_table(of_kind(rows, "functions")),
        start_table(of_kind(rows, "start")),
    ]


def show(rows: Sequence[Row], style: str) -> None:
    """Print rows as JSON, Markdown or for a terminal."""
    targets = Table("Against what is required", requirements(rows), REQUIRED_NOTES)
    show_tables(rows, [*epoch_tables(rows), targets], style)


def epoch_lines(rows: Sequence[Row]) -> list[Row]:
    """Return one line for each contender and data set, the ratio to ours in front."""
    rows = of_kind(rows, "epoch")
    times = medians(rows, "s")
    heads = ("time / ours", "s an epoch (quartiles)", "graphs/s", "graphs", "K", "parameters")
    lines = []
    for row in rows:
        line = {"data set": row["set"], "contender": row["contender"], **dict.fromkeys(heads, "")}
        lines.append(line)
        if "median_s" in row:
            line |= {
                "time / ours": over(row, times[row["set"]].get(OURS), "s"),
                "s an epoch (quartiles)": spread(row, "s", ".2f"),
                "graphs/s": f"{row['graphs'] / row['median_s']:.0f}",
                "graphs": str(row["graphs"]),
                "K": "/".join(map(str, row["clusters"])),
                "parameters": f"{row['parameters']:,}",
            }
        line["how"] = _how(row)
    return lines


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
    folds = of_kind(rows, "folds")
    one_by_one = {row["set"]: row["seconds"] for row in folds if row["mode"] == ONE}
    lines = []
    for row in folds:
        base = one_by_one.get(row["set"])
        ratio = "" if base is None else f"{base / row['seconds']:.2f}"
        at_once = "one by one" if row["mode"] == ONE else f"{row['jobs']} {row['mode']}"
        pace = row["seconds"] / row["epochs"], row["graphs"] / row["seconds"]
        how = f"measured, {row['epochs']} of each fold; threads: {row['threads']}"
        lines.append(_fold_line(row, at_once, *pace, ratio, how))
    sets = {row["set"] for row in folds}
    for row in of_kind(rows, "epoch"):
        if row["set"] in sets and row["contender"] != OURS and "median_s" in row:
            pace = row["median_s"] * FOLDS * TRAINED_SHARE, row["graphs"] / row["median_s"]
            lines.append(_fold_line(row, "one by one", *pace, "", "computed from its epoch"))
    return lines


def _fold_line(
    row: Row, folds: str, seconds: float, graphs_per_second: float, ratio: str, how: str
) -> Row:
    return {
        "data set": row["set"],
        "contender": row["contender"],
        "folds": folds,
        "s for an epoch of all folds": f"{seconds:.2f}",
        "graphs/s": f"{graphs_per_second:.0f}",
        "times as fast as one by one": ratio,
        "how": how,
    }


def requirements(rows: Sequence[Row]) -> list[Row]:
    """Return one line for each rival: how many times faster ours is, and what is required."""
    lines = []
    for name, times in medians(of_kind(rows, "epoch"), "s").items():
        ours, few, dropped = map(times.get, (OURS, OURS_FEW_CLUSTERS, PYG_DROPPED))
        pyg, tgp = times.get(PYG), fastest(times, TGP)
        over_pyg, over_dropped = (REQUIRED.get((name, rival)) for rival in (PYG, PYG_DROPPED))
        smaller, same = "its smaller K; ours keeps all graphs", "the same K; ours keeps all graphs"
        for label, theirs, mine, required in (
            (PYG, pyg, ours, over_pyg),
            (f"{PYG}, ours compiled", pyg, times.get(OURS_COMPILED), None),
            (f"{PYG_DROPPED}, {smaller}", dropped, ours, over_dropped),
            (f"{PYG_DROPPED}, {same}", dropped, few, over_dropped),
            (FASTER_TGP, tgp, ours, None),
            (
                f"{FASTER_TGP}, equal layers",
                tgp,
                times.get(OURS_LIKE_TGP),
                REQUIRED_WITH_EQUAL_LAYERS,
            ),
        ):
            if theirs is not None and mine is not None:
                line = {"data set": name, "ours faster than": label}
                lines.append(line | at_least(required, theirs / mine))
    return lines
