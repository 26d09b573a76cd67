"""``epoch --profile``: the operators that our network calls in training and evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.spec.settings import Settings
from benchmarks.timing.epoch import train_steps
from benchmarks.timing.epoch_data import EpochData
from benchmarks.timing.tables import Table
from benchmarks.timing.trainees import OURS, Options, make_trainee, our_loader
from benchmarks.timing.works import Row
from benchmarks.training.forward import Forward

LISTED = 15
OTHERS, ALL = "others", "all"
TRAINING, EVALUATION = "training", "evaluation"

NOTES = (
    "a whole pass over all graphs after one that is not counted; own time is without the operators "
    "that an operator calls",
    "training: loading, forward, backward and optimiser step; evaluation: loading and forward in "
    f"batches of {Settings().eval_batch_size}, the step of which is a batch",
    "functions with a custom gradient (SAGELayers, Contract and their backward passes) count the "
    "Python code between their operators; other Python code is in no line",
)


def operator_rows(name: str, data: EpochData, options: Options) -> list[Row]:
    """Profile a training epoch and an evaluation pass of our network.

    There is one row for each operator of each pass, the costliest of a pass first.
    """
    trainee = make_trainee(OURS, data, options)
    train_steps(trainee, options.device)
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        steps = train_steps(trainee, options.device).steps
    rows = _rows(name, TRAINING, profiled, steps)
    predict = Forward(trainee.network.eval())
    batches = our_loader(data, options, Settings().eval_batch_size)
    evaluate_batches(predict, batches)
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        steps = evaluate_batches(predict, batches)
    return rows + _rows(name, EVALUATION, profiled, steps)


@torch.no_grad()
def evaluate_batches(predict: Forward, batches: Iterable[Any]) -> int:
    """Call a network on all batches without gradients; return their number."""
    steps = 0
    for batch in batches:
        predict(batch)
        steps += 1
    return steps


def _rows(name: str, pass_: str, profiled: profile, steps: int) -> list[Row]:
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
            "pass": pass_,
            "torch": torch.__version__,
            "operator": event.key,
            "calls": event.count / steps,
            "own_ms": event.self_cpu_time_total / steps / 1e3,
            "steps": steps,
        }
        for event in found
    ]


def operator_tables(rows: Sequence[Row]) -> list[Table]:
    """Return one table a pass, of the costliest operators of each data set."""
    titles = {TRAINING: "Operators of a training step", EVALUATION: "Operators of an evaluation"}
    tables = []
    for pass_, title in titles.items():
        # The first rows were of training alone, and do not say so.
        own = [row for row in rows if row.get("pass", TRAINING) == pass_]
        tables.append(costliest_table(title, own, "operator", NOTES))
    return tables


def costliest_table(title: str, rows: Sequence[Row], of: str, notes: tuple[str, ...] = ()) -> Table:
    """Return a table of the costliest rows of each data set, and of the others together.

    Args:
        title: Of the table.
        rows: What was profiled, the costliest of a data set first.
        of: What a row is about, the key of its name.
        notes: What stands below.
    """
    lines = []
    for name in dict.fromkeys(row["set"] for row in rows):
        own = [row for row in rows if row["set"] == name]
        parts = [([row], row[of]) for row in own[:LISTED]]
        for some, label in (*parts, (own[LISTED:], OTHERS), (own, ALL)):
            calls, own_ms = (sum(row[key] for row in some) for key in ("calls", "own_ms"))
            share = 100 * own_ms / sum(row["own_ms"] for row in own)
            lines.append(
                {
                    "data set": name,
                    of: label,
                    "calls a step": f"{calls:.0f}",
                    "own ms a step": f"{own_ms:.2f}",
                    "%": f"{share:.0f}",
                }
            )
    return Table(title, lines, notes, once=("data set",))
