"""``epoch --profile``: which operators a training epoch of ours calls, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.timing.epoch import train_steps
from benchmarks.timing.epoch_data import EpochData
from benchmarks.timing.tables import Table
from benchmarks.timing.trainees import OURS, Options, make_trainee
from benchmarks.timing.works import Row

LISTED = 15
OTHERS, ALL = "others", "all"

NOTES = (
    "a whole epoch after one that is not counted: loading, forward, backward and "
    "optimiser step; own time is without the operators that an operator calls",
    "functions with a custom gradient (SAGELayers, Contract and their backward passes) count the "
    "Python code between their operators; other Python code is in no line",
)


def operator_rows(name: str, data: EpochData, options: Options) -> list[Row]:
    """Profile an epoch of our network; return one row for each operator, the costliest first."""
    trainee = make_trainee(OURS, data, options)
    train_steps(trainee, options.device)
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        turn = train_steps(trainee, options.device)
    # Annotations such as those of the engine and the optimiser enclose operators.
    found = [
        event
        for event in profiled.key_averages()
        if not event.key.startswith(("autograd::engine", "Optimizer.", "profiler", "USDT"))
    ]
    found.sort(key=lambda event: -event.self_cpu_time_total)
    return [
        {
            "kind": "operators",
            "set": name,
            "contender": OURS,
            "torch": torch.__version__,
            "operator": event.key,
            "calls": event.count / turn.steps,
            "own_ms": event.self_cpu_time_total / turn.steps / 1e3,
            "steps": turn.steps,
        }
        for event in found
    ]


def operator_table(rows: Sequence[Row]) -> Table:
    """Return the table of the costliest operators of each data set."""
    lines = []
    for name in dict.fromkeys(row["set"] for row in rows):
        own = [row for row in rows if row["set"] == name]
        parts = [([row], row["operator"]) for row in own[:LISTED]]
        for some, label in (*parts, (own[LISTED:], OTHERS), (own, ALL)):
            calls, own_ms = (sum(row[key] for row in some) for key in ("calls", "own_ms"))
            share = 100 * own_ms / sum(row["own_ms"] for row in own)
            lines.append(
                {
                    "data set": name,
                    "operator": label,
                    "calls a step": f"{calls:.0f}",
                    "own ms a step": f"{own_ms:.2f}",
                    "%": f"{share:.0f}",
                }
            )
    return Table("Operators of a training step", lines, NOTES, once=("data set",))
