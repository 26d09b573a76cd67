"""The learning curves of a run, fold by fold, as they are stored in its cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from benchmarks.clusters.checkpoints import StoredRun
from benchmarks.data.task import metric_of

Record = dict[str, Any]
_DIGITS = 4


def curves_record(stored: StoredRun) -> Record | None:
    """Return a run's curves as JSON-ready values, or None where there are none to draw.

    A kernel is trained once, not epoch after epoch.
    """
    run, cells = stored.run, stored.cells
    drawn = [cell for cell in cells if max(map(len, cell["curves"].values()), default=0) > 1]
    if not drawn:
        return None
    return {
        **{name: run[name] for name in ("run", "dataset", "method", "protocol")},
        "metric": metric_of(drawn[0]),
        "configurations": configuration_texts(run["configurations"]),
        "selected": {str(fold): number for fold, number in stored.folds.selected.items()},
        "best_epoch": stored.folds.best_epoch,
        "cells": [_cell(cell) for cell in drawn],
    }


def configuration_texts(configurations: Sequence[Record]) -> list[str]:
    """Name each configuration by the settings in which it differs from another one."""
    names = [
        name
        for name in dict.fromkeys(name for tried in configurations for name in tried)
        if len({repr(tried.get(name)) for tried in configurations}) > 1
    ]
    return [", ".join(f"{name}={tried.get(name)}" for name in names) for tried in configurations]


def _cell(cell: Record) -> Record:
    return {
        **{name: cell[name] for name in ("configuration", "fold", "seed", "best_epoch")},
        "curves": {name: [_rounded(v) for v in values] for name, values in cell["curves"].items()},
    }


def _rounded(value: float) -> float | None:
    """Return the value in few digits, since a page holds tens of thousands; JSON has no NaN."""
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
