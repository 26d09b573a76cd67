"""``epoch --profile``: the Python functions of Lightning and of the runner in a training."""

from __future__ import annotations

import cProfile
import pstats
from pathlib import Path

from benchmarks.data.task import Multiclass
from benchmarks.timing.epoch_data import EpochData
from benchmarks.timing.operators import OTHERS
from benchmarks.timing.trainees import OURS, Options
from benchmarks.timing.training_loop import fold, loop_settings, make_network
from benchmarks.timing.works import Row
from benchmarks.training.classifier import train

KEPT = 40
RUNNER = Path(__file__).parents[1]
LIGHTNING = ("lightning", "pytorch_lightning")
"""What the names of Lightning's packages begin with."""

Stats = dict[tuple[str, int, str], tuple[int, int, float, float, object]]


def function_rows(name: str, data: EpochData, options: Options) -> list[Row]:
    """Profile a training of the runner; return one row a function, the costliest first.

    The last row is of all functions that are not among the costliest.
    """
    graphs, settings = fold(data, options), loop_settings(options)
    network, task = make_network(data, options), Multiclass(data.num_classes)
    # Caches are filled and modules imported by a training that is not counted.
    train(network, graphs.train, graphs.validation, settings, task)
    profiled = cProfile.Profile()
    profiled.runcall(train, network, graphs.train, graphs.validation, settings, task)
    steps = settings.epochs * len(graphs.train)
    found = []
    for (file, _, function), (_, calls, own, whole, _) in stats_of(profiled).items():
        place = place_of(file)
        if place is not None:
            found.append((own, whole, calls, f"{place}: {function}"))
    found.sort(reverse=True)
    common = {"kind": "functions", "set": name, "contender": OURS, "steps": steps}
    rows = [
        {
            **common,
            "function": function,
            "calls": calls / steps,
            "own_ms": 1e3 * own / steps,
            "whole_ms": 1e3 * whole / steps,
        }
        for own, whole, calls, function in found[:KEPT]
    ]
    own, calls = (sum(row[column] for row in found[KEPT:]) for column in (0, 2))
    last = {"function": OTHERS, "calls": calls / steps, "own_ms": 1e3 * own / steps}
    return [*rows, {**common, **last}]


def stats_of(profiled: cProfile.Profile) -> Stats:
    """Return calls (twice), own seconds, whole seconds and callers by file, line and function."""
    found: Stats = pstats.Stats(profiled).stats  # type: ignore[attr-defined]
    return found


def place_of(file: str) -> str | None:
    """Return a file of Lightning or of the runner from its package on, or None for any other."""
    path = Path(file)
    if path.is_relative_to(RUNNER):
        return path.relative_to(RUNNER.parent).as_posix()
    _, _, installed = path.as_posix().rpartition("site-packages/")
    return installed if installed.startswith(LIGHTNING) else None
