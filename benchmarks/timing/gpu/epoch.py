"""Part ``epoch``: training epochs of all contenders, and folds that share the device."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import partial

from benchmarks.timing.epoch import epoch_rows
from benchmarks.timing.epoch_data import load_epoch_data
from benchmarks.timing.folds import FOLDS, fold_modes, fold_row
from benchmarks.timing.gpu.data import data_there
from benchmarks.timing.gpu.part import DATA_MISSING, Row, Setting, Work
from benchmarks.timing.limited_process import default_memory_gib
from benchmarks.timing.trainees import Options

SMALL_SETS, LARGE_SETS = ("ENZYMES", "PROTEINS"), ("DD",)


def epoch(setting: Setting) -> Iterable[Work]:
    """Yield epochs of each data set, and a run of ten folds for each way to share the device."""
    yield from _epochs(SMALL_SETS, setting)
    yield from _folds(SMALL_SETS[:1], setting)
    yield from _epochs(LARGE_SETS, setting)
    yield from _folds(SMALL_SETS[1:], setting)


def _epochs(names: Sequence[str], setting: Setting) -> Iterable[Work]:
    for name in names:
        yield Work(f"{name} epoch", partial(measure_epochs, name, setting))


def _folds(names: Sequence[str], setting: Setting) -> Iterable[Work]:
    for name in names:
        for mode in fold_modes("all", setting.device):
            yield Work(f"{name} folds {mode}", partial(measure_folds, name, mode, setting))


def measure_epochs(name: str, setting: Setting) -> list[Row]:
    """Let ours, PyG's network and tgp's take turns; long epochs are extrapolated."""
    if not data_there(name):
        return [{"kind": "epoch", "set": name, "note": DATA_MISSING}]
    data = load_epoch_data(name)
    rounds, seconds, limit = (2, 8.0, 40.0) if setting.quick else (5, 60.0, 900.0)
    return epoch_rows(
        name,
        data,
        Options(seed=setting.seed, device=setting.device),
        rounds,
        setting.left(seconds),
        default_memory_gib(),
        max(setting.left(limit), 1.0),
    )


def measure_folds(name: str, mode: str, setting: Setting) -> list[Row]:
    """Train ten folds for an epoch (quick) or three, one by one or at the same time."""
    if not data_there(name):
        return [{"kind": "folds", "set": name, "mode": mode, "note": DATA_MISSING}]
    options = Options(seed=setting.seed, device=setting.device)
    jobs = min(os.cpu_count() or 1, FOLDS)
    return [fold_row(name, mode, 1 if setting.quick else 3, jobs, options)]
