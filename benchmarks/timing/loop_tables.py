"""The tables of ``epoch --profile`` on what goes on around the network in a training."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.timing.operators import costliest_table
from benchmarks.timing.tables import Table, spread
from benchmarks.timing.works import Row

PLAIN, RUNNER = "plain loop", "runner"
LOADING, STEP, TRAINING = "loading", "forward, backward, optimiser", "training"
EVALUATION, BETWEEN, ENDS = "evaluation", "between epochs", "begin and end"
UNITS = {
    LOADING: "step",
    STEP: "step",
    TRAINING: "step",
    EVALUATION: "batch",
    BETWEEN: "epoch",
    ENDS: "training",
}

LOOP_NOTES = (
    "nine tenths of the graphs train and one tenth is evaluated, in both loops by turns; medians "
    "and quartiles of epochs, the first of a turn left out",
    "plain loop: ResidentLoader, the network, clipping and fused Adam; evaluation: the network "
    "alone. Runner: Lightning's loop with our module, which adds up losses and, in evaluation, "
    "scores and effective numbers of clusters",
    "training and evaluation contain the loading; between epochs: the choice of the best, whose "
    "weights are kept, in a network whose first epochs nearly all improve",
)
FUNCTION_NOTES = (
    "own time of the Python functions of Lightning and of the runner alone, which the profile "
    "itself at least doubles; the network's functions and PyTorch's are left out",
)


def loop_table(rows: Sequence[Row]) -> Table:
    """Return the table of what each stage takes in both loops, and of the difference."""
    lines = []
    for name in dict.fromkeys(row["set"] for row in rows):
        found = {(row["loop"], row["stage"]): row for row in rows if row["set"] == name}
        for stage, unit in UNITS.items():
            both = [found.get((loop, stage)) for loop in (PLAIN, RUNNER)]
            if both == [None, None]:
                continue
            plain, runner = both
            texts = ["" if row is None else spread(row, "ms", ".2f") for row in both]
            added = ""
            if plain is not None and runner is not None:
                added = f"{runner['median_ms'] - plain['median_ms']:.2f}"
            lines.append(
                {
                    "data set": name,
                    "stage": stage,
                    "ms a": unit,
                    PLAIN: texts[0],
                    RUNNER: texts[1],
                    "added by the runner": added,
                }
            )
    return Table("The training loop", lines, LOOP_NOTES, once=("data set",))


def function_table(rows: Sequence[Row]) -> Table:
    """Return the table of the costliest functions of each data set."""
    title = "Python functions around a training step"
    return costliest_table(title, rows, "function", FUNCTION_NOTES)
