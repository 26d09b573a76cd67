"""The tables that ``python -m benchmarks epoch`` prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.epoch.contenders import OURS, OURS_FEW_CLUSTERS, PYG, PYG_DROPPED, TGP
from benchmarks.epoch.folds import FOLDS, ONE
from benchmarks.table_format import Layout, show

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


def _column(name: str) -> Any:
    return lambda row: row[name]


EPOCHS = Layout(
    {
        name: _column(name)
        for name in (
            "data set", "contender", "time / ours", "s an epoch (quartiles)", "graphs/s", "graphs",
            "K", "parameters", "how",
        )
    },
    (
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
FOLD_RUNS = Layout(
    {
        name: _column(name)
        for name in (
            "data set", "contender", "folds", "s for an epoch of all folds", "graphs/s",
            "times as fast as one by one", "how",
        )
    },
    (
        f"{FOLDS} folds, each trained on nine tenths of the graphs; without imports, loading and "
        "validation",
        "computed: s an epoch × 10 folds × 0.9, that is, one after another",
    ),
)  # fmt: skip
REQUIREMENTS = Layout(
    {
        name: _column(name)
        for name in ("data set", "ours faster than", "required", "measured", "verdict")
    },
    ("measured: their seconds an epoch over ours; on a busy machine look at the quartiles",),
)


def show_rows(rows: Sequence[Row], style: str) -> None:
    """Print rows as JSON, Markdown or for a terminal."""
    if style == "json":
        sys.stdout.write(json.dumps(list(rows), indent=1) + "\n")
        return
    epochs, runs = epoch_lines(rows), fold_lines(rows)
    for title, lines, layout in (
        ("One training epoch", epochs, EPOCHS),
        (f"A run of {FOLDS} folds", runs, FOLD_RUNS),
        ("Against what is required", requirements(rows), REQUIREMENTS),
    ):
        if lines:
            sys.stdout.write(f"\n{title}\n\n")
            sys.stdout.flush()
            show(lines, layout, style)


def epoch_lines(rows: Sequence[Row]) -> list[Row]:
    """Return one line for each contender and data set, the ratio to ours in front."""
    ours = _epoch_seconds(rows, OURS)
    lines, last = [], None
    for row in _of_kind(rows, "epoch"):
        line = dict.fromkeys(EPOCHS.columns, "")
        line |= {"data set": "" if row["set"] == last else row["set"]}
        line |= {"contender": row["contender"], "how": _how(row)}
        last = row["set"]
        if "median_s" in row:
            seconds = row["median_s"]
            base = ours.get(row["set"])
            spread = f"({row['quartile_1_s']:.2f}–{row['quartile_3_s']:.2f})"
            line |= {
                "time / ours": "" if base is None else f"{seconds / base:.2f}",
                "s an epoch (quartiles)": f"{seconds:.2f} {spread}",
                "graphs/s": f"{row['graphs'] / seconds:.0f}",
                "graphs": str(row["graphs"]),
                "K": "/".join(map(str, row["clusters"])),
                "parameters": f"{row['parameters']:,}",
            }
        lines.append(line)
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
    lines = []
    for row in _of_kind(rows, "folds"):
        one = [
            other["seconds"]
            for other in _of_kind(rows, "folds")
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
    sets = {row["set"] for row in _of_kind(rows, "folds")}
    for row in _of_kind(rows, "epoch"):
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
    lines = []
    ours, few = _epoch_seconds(rows, OURS), _epoch_seconds(rows, OURS_FEW_CLUSTERS)
    tgp = [_epoch_seconds(rows, name) for name in TGP]
    faster_tgp = {
        name: min(times[name] for times in tgp if name in times) for name in set().union(*tgp)
    }
    dropped = _epoch_seconds(rows, PYG_DROPPED)
    for name in ours:
        for rival, theirs, mine, label in (
            (PYG, _epoch_seconds(rows, PYG), ours, PYG),
            (PYG_DROPPED, dropped, ours, f"{PYG_DROPPED}, its smaller K; ours keeps all graphs"),
            (PYG_DROPPED, dropped, few, f"{PYG_DROPPED}, the same K; ours keeps all graphs"),
            (FASTER_TGP, faster_tgp, ours, FASTER_TGP),
        ):
            required = REQUIRED.get((name, rival))
            if name not in theirs or name not in mine:
                continue
            ratio = theirs[name] / mine[name]
            lines.append(
                {
                    "data set": name,
                    "ours faster than": label,
                    "required": "–" if required is None else f"{required:.3g}×",
                    "measured": f"{ratio:.3g}×",
                    "verdict": "" if required is None else _verdict(ratio >= required),
                }
            )
    return lines


def _verdict(met: bool) -> str:
    return "met" if met else "NOT MET"


def _of_kind(rows: Sequence[Row], kind: str) -> list[Row]:
    return [row for row in rows if row["kind"] == kind]


def _epoch_seconds(rows: Sequence[Row], contender: str) -> dict[str, float]:
    return {
        row["set"]: row["median_s"]
        for row in _of_kind(rows, "epoch")
        if row["contender"] == contender and "median_s" in row
    }
