"""Times epochs of contenders that take turns; long epochs are extrapolated from a few steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from benchmarks.spec.device import synchronise
from benchmarks.timing.epoch_data import EpochData, load_epoch_data
from benchmarks.timing.limited_process import run_limited
from benchmarks.timing.memory import MIB, high_water_mark
from benchmarks.timing.rivals import PYG, TGP, TGP_INSTALLED
from benchmarks.timing.trainees import OURS, EpochTrainee, Options, contenders, make_trainee
from benchmarks.timing.turns import quartiles, turns

WARM_UP_STEPS, SAMPLED_STEPS = 2, 10

Row = dict[str, Any]
Tell = Callable[[str], None]


class Turn(NamedTuple):
    """What a contender did in a turn.

    Attributes:
        seconds: Time of the timed steps, loading included.
        steps: Number of timed steps.
        graphs: Graphs in them.
        loss: Mean loss of a step.
    """

    seconds: float
    steps: int
    graphs: int
    loss: float

    def epoch_seconds(self, all_graphs: int) -> float:
        """Return the time of an epoch at the pace of this turn."""
        return self.seconds * all_graphs / self.graphs


def train_steps(
    trainee: EpochTrainee, device: str, steps: int | None = None, warm_up: int = 0
) -> Turn:
    """Train for an epoch, or for so many steps of one, and time it.

    Args:
        trainee: The contender.
        device: Where it works.
        steps: Steps that are timed. (default: the whole epoch)
        warm_up: Steps before them that are not. (default: :obj:`0`)
    """
    synchronise(device)
    began = time.perf_counter()
    graphs, losses = 0, []
    for number, batch in enumerate(trainee.loader, start=1 - warm_up):
        size, loss = trainee.step(batch)
        if number <= 0:
            if number == 0:
                synchronise(device)
                began = time.perf_counter()
            continue
        graphs += size
        losses.append(loss)
        if number == steps:
            break
    synchronise(device)
    seconds = time.perf_counter() - began
    if not losses:
        # An epoch as short as the warm-up has no step to spare.
        return train_steps(trainee, device, steps)
    return Turn(seconds, len(losses), graphs, float(torch.stack(losses).mean()))


def train_in_turns(
    trainees: Mapping[str, EpochTrainee],
    device: str,
    rounds: int,
    seconds: float,
    tell: Tell = lambda text: None,
) -> dict[str, list[Turn]]:
    """Let each contender train once a round, in an order drawn anew for each round.

    A few steps of each, thrown away, come first. A contender whose rounds would take longer than
    ``seconds`` by their pace trains ten steps a round instead of an epoch.
    """
    steps: dict[str, int | None] = {}
    for name, trainee in trainees.items():
        tell(f"{name}: warming up")
        turn = train_steps(trainee, device, WARM_UP_STEPS, WARM_UP_STEPS)
        expected = rounds * turn.epoch_seconds(len(trainee.data.graphs))
        sampled = expected > seconds and steps_of_epoch(trainee.data, turn) > SAMPLED_STEPS
        steps[name] = SAMPLED_STEPS if sampled else None
    taken: dict[str, list[Turn]] = {name: [] for name in trainees}
    for number, name in turns(trainees, rounds):
        tell(f"round {number + 1} of {rounds}: {name}")
        warm_up = 0 if steps[name] is None else WARM_UP_STEPS
        taken[name].append(train_steps(trainees[name], device, steps[name], warm_up))
    return taken


def steps_of_epoch(data: EpochData, turn: Turn) -> int:
    """Return the number of steps of an epoch, from the graphs of a step of a turn."""
    return math.ceil(len(data.graphs) / max(turn.graphs // turn.steps, 1))


def epoch_row(trainee: EpochTrainee, taken: list[Turn], all_graphs: int, batch_size: int) -> Row:
    """Return what is stored of a contender's turns on a data set of so many graphs."""
    graphs = len(trainee.data.graphs)
    low, median, high = quartiles([turn.epoch_seconds(graphs) for turn in taken])
    return {
        "median_s": median,
        "quartile_1_s": low,
        "quartile_3_s": high,
        "turns": [turn._asdict() for turn in taken],
        "graphs": graphs,
        "dropped": all_graphs - graphs,
        "steps": math.ceil(graphs / batch_size),
        "sampled_steps": None if taken[0].graphs == graphs else taken[0].steps,
        "largest": trainee.data.largest,
        "clusters": trainee.data.clusters,
        "parameters": trainee.parameters,
    }


def sampled_row(
    tell: Callable[[], None], name: str, data_name: str, options: Options, threads: int
) -> Row:
    """Sample steps of a contender in a process of its own, for :func:`run_limited`."""
    torch.set_num_threads(threads)
    data = load_epoch_data(data_name)
    trainee = make_trainee(name, data, options)
    tell()
    turn = train_steps(trainee, options.device, SAMPLED_STEPS, WARM_UP_STEPS)
    row = epoch_row(trainee, [turn], len(data.graphs), options.batch_size)
    return row | {"peak_mib": high_water_mark() / MIB}


def epoch_rows(
    name: str,
    data: EpochData,
    options: Options,
    rounds: int,
    seconds: float,
    memory_gib: float,
    limit: float,
    tell: Tell = lambda text: None,
) -> list[Row]:
    """Let all contenders train on a data set, in turns; one row each.

    PyG's network on huge graphs trains in a process of its own, of so much memory and time.
    """
    found = contenders(data, options.compiled)
    rows: dict[str, Row] = {OURS: {}}
    if data.huge:
        del found[PYG]
        tell(f"{PYG}, in a process of at most {memory_gib:.1f} GiB")
        arguments = (PYG, name, options, torch.get_num_threads())
        outcome = run_limited(sampled_row, arguments, memory_gib, limit)
        rows[PYG] = outcome.value or {"note": outcome.died}
    tell("making networks")
    trainees = {
        contender: make_trainee(contender, graphs, options) for contender, graphs in found.items()
    }
    taken = train_in_turns(trainees, options.device, rounds, seconds, tell)
    for contender, trainee in trainees.items():
        rows[contender] = epoch_row(trainee, taken[contender], len(data.graphs), options.batch_size)
    for contender in TGP if not TGP_INSTALLED else ():
        rows[contender] = {"note": "skipped, tgp (torch-geometric-pool) is not installed"}
    return [
        {"kind": "epoch", "set": name, "contender": contender, **row}
        for contender, row in rows.items()
    ]
