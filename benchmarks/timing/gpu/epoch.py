"""Part ``epoch``: training epochs of all contenders, and folds that share the device."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial

from benchmarks.timing.epoch import epoch_rows
from benchmarks.timing.epoch_data import load_epoch_data
from benchmarks.timing.folds import FOLDS, fold_modes, fold_rows
from benchmarks.timing.gpu.part import Setting
from benchmarks.timing.limited_process import default_memory_gib
from benchmarks.timing.trainees import Options
from benchmarks.timing.works import Row, Work

# What is most worth knowing first.
ORDER = (("ENZYMES", "epoch"), ("PROTEINS", "epoch"), ("ENZYMES", "folds"), ("DD", "epoch"),
         ("PROTEINS", "folds"))  # fmt: skip


def epoch(setting: Setting) -> Iterable[Work]:
    """Yield epochs of each data set, and a run of ten folds for each way to share the device."""
    for name, what in ORDER:
        if what == "epoch":
            yield Work(f"{name} epoch", partial(measure_epochs, name, setting), name)
            continue
        for mode in fold_modes("all", setting.device):
            run = partial(measure_folds, name, mode, setting)
            yield Work(f"{name} folds {mode}", run, name)


def measure_epochs(name: str, setting: Setting) -> list[Row]:
    """Let ours, PyG's network and tgp's take turns; long epochs are extrapolated."""
    rounds, seconds, limit = (2, 8.0, 40.0) if setting.quick else (5, 60.0, 900.0)
    return epoch_rows(
        name,
        load_epoch_data(name),
        Options(seed=setting.seed, device=setting.device),
        rounds,
        setting.left(seconds),
        default_memory_gib(),
        max(setting.left(limit), 1.0),
    )


def measure_folds(name: str, mode: str, setting: Setting) -> list[Row]:
    """Train ten folds for an epoch (quick) or three, one by one or at the same time."""
    options = Options(seed=setting.seed, device=setting.device)
    jobs = min(os.cpu_count() or 1, FOLDS)
    return fold_rows(name, mode, 1 if setting.quick else 3, jobs, options)
