"""Training time of DiffPool against flat GraphSAGE and Set2Set, in turns on the same batches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from torch_geometric.data import Batch

from benchmarks.timing.claim_contenders import BASELINE, CONTENDERS, ClaimTrainee, TimingData
from benchmarks.timing.set2set_steps import SHORT, full_time, measurable_steps
from benchmarks.timing.turns import timed, turns

WARM_UP = 2
SHORT_NAME, FULL_NAME = "set2set-3", "set2set-largest"

Row = dict[str, Any]


def measure(data: TimingData, rounds: int, batches: int, device: str, seed: int) -> list[Row]:
    """Let the contenders take turns on the same batches, and return one row each."""
    chosen = list(islice(data.loader, batches))
    steps = {SHORT_NAME: SHORT, FULL_NAME: data.largest}
    trainees = {
        name: data.trainee(method, steps.get(name), seed) for name, method in CONTENDERS.items()
    }
    measured = measurable_steps(data, trainees[SHORT_NAME], chosen, rounds, device, seed)
    if measured < data.largest:
        trainees[FULL_NAME] = data.trainee(CONTENDERS[FULL_NAME], measured, seed)
    seconds = step_in_turns(trainees, chosen, rounds, device)
    if measured < data.largest:
        seconds[FULL_NAME] = full_time(
            seconds[SHORT_NAME], seconds[FULL_NAME], measured, data.largest
        )
    rows = []
    for name, trainee in trainees.items():
        rows.append(
            {
                "set": data.name,
                "contender": name,
                **_statistics(seconds, name),
                "rounds": rounds,
                "batches": len(chosen),
                "batch_size": data.loader.batch_size,
                "largest_graph": data.largest,
                "processing_steps": steps.get(name),
                "measured_steps": measured if name == FULL_NAME else steps.get(name),
                "clusters": trainee.clusters,
                "parameters": trainee.parameters,
                "settings": trainee.settings.as_dict(),
            }
        )
    return rows


def step_in_turns(
    trainees: dict[str, ClaimTrainee], batches: Sequence[Batch], rounds: int, device: str
) -> dict[str, np.ndarray]:
    """Return the seconds of each training step, ``[rounds, batches]`` a contender.

    All train on one batch, in an order drawn anew, before any sees the next.
    """
    for trainee in trainees.values():
        for batch in batches[:WARM_UP]:
            trainee.step(batch)
    seconds = {name: np.zeros((rounds, len(batches))) for name in trainees}
    for number, name in turns(trainees, rounds * len(batches)):
        step = partial(trainees[name].step, batches[number % len(batches)])
        seconds[name].flat[number] = timed(step, device)
    return seconds


def _statistics(seconds: dict[str, np.ndarray], name: str) -> Row:
    """Return times and ratios of a contender: medians over the rounds.

    Batches differ in size, so that a round's ratio is one of sums over its batches.
    """
    own = seconds[name]
    row: Row = {
        "median_step_s": float(np.median(own)),
        "batches_s": float(np.median(own, axis=0).sum()),
    }
    for rival in (BASELINE, "diffpool"):
        other = seconds[rival]
        by_round = own.sum(axis=1) / other.sum(axis=1)
        row[f"ratio_to_{rival}"] = float(np.median(by_round))
        row[f"ratio_to_{rival}_low"] = float(by_round.min())
        row[f"ratio_to_{rival}_high"] = float(by_round.max())
    return row
