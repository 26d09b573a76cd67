"""Part ``training``: the runner on the device, folds sharing it by processes.

With ``--quick`` a timing of a few epochs, not an accuracy; without, the recipes under the protocol
``fair``. Runs go into a folder of their own, never among the committed ones.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.data.registry import find_source, listed_names
from benchmarks.records.plain_console import PlainConsole
from benchmarks.timing.gpu.part import Setting
from benchmarks.timing.turns import on_cuda
from benchmarks.timing.works import Row, Work

METHOD, PROTOCOL = "diffpool", "fair"
QUICK_SETS = ("ENZYMES", "PROTEINS")
QUICK_FOLDS, QUICK_EPOCHS = 2, 5
TIMING_ONLY = "a timing of few epochs, no accuracy result"


def training(setting: Setting) -> Iterable[Work]:
    """Yield one work a data set, the smaller ones first."""
    real = [name for name in listed_names() if find_source(name).IN_FILES]
    for name in QUICK_SETS if setting.quick else real:
        yield Work(name, partial(train_set, name, setting), name)


def train_set(name: str, setting: Setting, method: str = METHOD) -> list[Row]:
    """Run the folds of a data set, and tell what it took."""
    # Lightning takes seconds to import, and may be missing.
    from benchmarks.records.store import RunStore
    from benchmarks.runs import runner
    from benchmarks.runs.plan import make_plan

    overrides: dict[str, Any] = {"accelerator": "gpu"} if on_cuda(setting.device) else {}
    folds = range(QUICK_FOLDS if setting.quick else 10)
    if setting.quick:
        # One configuration, whatever the recipe would choose among.
        overrides |= {"epochs": QUICK_EPOCHS, "patience": QUICK_EPOCHS, "learning_rate": 0.001}
        overrides |= {"dropout": 0.0} if method == METHOD else {}
    plan = make_plan(name, method, PROTOCOL, overrides, folds, [setting.seed], None)
    folder = Path(setting.folder)
    cells = len(plan.cells())
    jobs = min(cells, os.cpu_count() or 1)
    began = time.perf_counter()
    failed = runner.run(plan, folder, jobs, PlainConsole(stderr=True))
    seconds = time.perf_counter() - began
    done = RunStore(folder, plan.run_id).cells()
    row = {
        "kind": "training",
        "set": name,
        "method": method,
        "protocol": PROTOCOL,
        "label": TIMING_ONLY if setting.quick else f"protocol {PROTOCOL}",
        "run": plan.run_id,
        "folds": len(folds),
        "cells": cells,
        "failed": failed,
        "jobs": jobs,
        "seconds": round(seconds, 2),
        "cell_seconds": [cell["seconds"] for cell in done],
        "epochs": [cell["epochs"] for cell in done],
        "graphs": [cell["graphs"]["train"] for cell in done],
        "settings": [settings.as_dict() for settings in plan.configurations],
    }
    if not setting.quick:
        row["test_accuracy"] = [cell["test_accuracy"] for cell in done]
    return [row]
