"""``epoch --profile``: what the runner's training costs beside the network, against a plain loop.

The runner trains with Lightning, whose loop calls our module's hooks. Here the same network trains
on the same graphs in a plain loop too, and the difference is what loop and hooks add.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from benchmarks.data.task import Multiclass
from benchmarks.spec.device import synchronise
from benchmarks.spec.settings import Settings
from benchmarks.timing.epoch_data import EpochData
from benchmarks.timing.folds import train_index
from benchmarks.timing.loop_tables import (
    BETWEEN,
    ENDS,
    EVALUATION,
    LOADING,
    PLAIN,
    RUNNER,
    STEP,
    TRAINING,
    UNITS,
)
from benchmarks.timing.trainees import OURS, Options, Trainee, our_forward, our_network
from benchmarks.timing.turns import quartiles, turns
from benchmarks.timing.works import Row, Tell, tell_nobody
from benchmarks.training.classifier import Callback, train
from benchmarks.training.forward import Forward
from pyg_diffpool import ResidentLoader

COUNTED_EPOCHS = 2


class Graphs(NamedTuple):
    """Batches of both loops."""

    train: ResidentLoader
    validation: ResidentLoader


class LoopClock(Callback):
    """Notes when the stages of Lightning's epochs begin and end.

    Attributes:
        epochs: Of each epoch but the last its training, its evaluation and what follows until the
            next one, in seconds; of the last, what follows is not in it.
    """

    def __init__(self, device: str) -> None:
        self.epochs: list[dict[str, float]] = []
        self._device = device
        self._last = 0.0

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """End what comes between two epochs."""
        self._end(BETWEEN)
        self.epochs.append({})

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """End the training of an epoch."""
        self._end(TRAINING)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """End the evaluation of an epoch."""
        self._end(EVALUATION)

    def _end(self, stage: str) -> None:
        synchronise(self._device)
        now = time.perf_counter()
        if self.epochs:
            self.epochs[-1][stage] = now - self._last
        self._last = now


def loop_rows(
    name: str, data: EpochData, options: Options, rounds: int, tell: Tell = tell_nobody
) -> list[Row]:
    """Let both loops train by turns; return one row for each stage of each loop."""
    graphs, settings = fold(data, options), loop_settings(options)
    networks = {loop: make_network(data, options) for loop in (PLAIN, RUNNER)}
    trainee = Trainee(
        networks[PLAIN],
        our_forward(networks[PLAIN]),
        learning_rate=settings.learning_rate,
        gradient_clip=settings.gradient_clip,
    )
    task = Multiclass(data.num_classes)
    times: dict[tuple[str, str], list[float]] = {}

    def add(loop: str, stages: dict[str, float]) -> None:
        for stage, milliseconds in stages.items():
            times.setdefault((loop, stage), []).append(milliseconds)

    def run_plain() -> None:
        for epoch in range(1 + COUNTED_EPOCHS):
            stages = plain_epoch(trainee, graphs, options.device)
            if epoch > 0:
                add(PLAIN, stages)

    def run_runner() -> None:
        for stages in runner_epochs(networks[RUNNER], graphs, settings, task, options.device):
            add(RUNNER, stages)

    runs = {PLAIN: run_plain, RUNNER: run_runner}
    for number, loop in turns(runs, rounds):
        tell(f"round {number + 1} of {rounds}: {loop}")
        runs[loop]()
    return [_row(name, loop, stage, values) for (loop, stage), values in times.items()]


def fold(data: EpochData, options: Options) -> Graphs:
    """Return batches of nine tenths of the graphs, and of the others for evaluation."""
    resident = ResidentLoader(data.graphs, options.batch_size, device=torch.device(options.device))
    index = train_index(len(data.graphs), 0, options.seed)
    others = torch.ones(len(data.graphs), dtype=torch.bool)
    others[index] = False
    validation = resident.subset(others.nonzero().flatten())
    validation.batch_size = Settings().eval_batch_size
    return Graphs(resident.subset(index, shuffle=True), validation)


def loop_settings(options: Options) -> Settings:
    """Return the runner's settings for a turn."""
    return Settings(
        batch_size=options.batch_size,
        hidden_channels=options.hidden_channels,
        epochs=1 + COUNTED_EPOCHS,
        accelerator="cpu" if options.device == "cpu" else "gpu",
    )


def make_network(data: EpochData, options: Options) -> nn.Module:
    """Build our network; its weights follow from the seed."""
    torch.manual_seed(options.seed)
    return our_network(data, options).to(options.device)


def plain_epoch(trainee: Trainee, graphs: Graphs, device: str) -> dict[str, float]:
    """Train and evaluate in a plain loop; return milliseconds of each stage."""
    trainee.network.train()
    loading, working, steps = _timed_pass(graphs.train, trainee.step, device)
    predict = Forward(trainee.network.eval())
    with torch.no_grad():
        evaluation = _timed_pass(graphs.validation, predict, device)
    return {
        LOADING: 1e3 * loading / steps,
        STEP: 1e3 * working / steps,
        TRAINING: 1e3 * (loading + working) / steps,
        EVALUATION: 1e3 * (evaluation[0] + evaluation[1]) / evaluation[2],
    }


def runner_epochs(
    network: nn.Module, graphs: Graphs, settings: Settings, task: Multiclass, device: str
) -> list[dict[str, float]]:
    """Train as the runner does; return milliseconds of each stage of the counted epochs.

    The last epoch's also have what one training costs before its first and after its last epoch.
    """
    clock = LoopClock(device)
    began = time.perf_counter()
    train(network, graphs.train, graphs.validation, settings, task, callbacks=[clock])
    synchronise(device)
    seconds = time.perf_counter() - began
    in_epochs = sum(sum(epoch.values()) for epoch in clock.epochs)
    units = {TRAINING: len(graphs.train), EVALUATION: len(graphs.validation), BETWEEN: 1}
    counted = [
        {stage: 1e3 * value / units[stage] for stage, value in epoch.items()}
        for epoch in clock.epochs[1:]
    ]
    counted[-1][ENDS] = 1e3 * (seconds - in_epochs)
    return counted


def _timed_pass(
    batches: Iterable[Any], work: Callable[[Any], object], device: str
) -> tuple[float, float, int]:
    """Return the seconds of loading, those of the work, and the number of batches."""
    loading, working, count = 0.0, 0.0, 0
    iterator = iter(batches)
    synchronise(device)
    began = time.perf_counter()
    while (batch := next(iterator, None)) is not None:
        synchronise(device)
        loaded = time.perf_counter()
        work(batch)
        synchronise(device)
        done = time.perf_counter()
        loading += loaded - began
        working += done - loaded
        began, count = done, count + 1
    return loading, working, count


def _row(name: str, loop: str, stage: str, values: Sequence[float]) -> Row:
    low, median, high = quartiles(values)
    return {
        "kind": "loop",
        "set": name,
        "contender": OURS,
        "loop": loop,
        "stage": stage,
        "unit": UNITS[stage],
        "median_ms": median,
        "quartile_1_ms": low,
        "quartile_3_ms": high,
        "samples": len(values),
    }
