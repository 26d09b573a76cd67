"""A small run on the generated data set, by any engine, and what it left."""

import json
from pathlib import Path

import torch
from rich.console import Console

from benchmarks.data.folders import cache_folder
from benchmarks.records.store import RunStore
from benchmarks.runs import runner
from benchmarks.runs.plan import make_plan
from benchmarks.runs.worker import CellTask
from tests.benchmarks.runs.engines.losing_model import ARMED, METHOD

FOLDS = range(2)


def small_plan():
    return make_plan("CommunityChains", METHOD, "fair", {"epochs": 2}, FOLDS, [0], None)


def run_small(results, engine, console=None):
    """Run the plan and return how many cells failed."""
    return runner.run(small_plan(), results, 1, console or Console(quiet=True), engine=engine)


def stored(results: Path):
    """Return cells and weights as stored, without the time that each took and by which commit."""
    (folder,) = results.iterdir()
    cells = {path.name: json.loads(path.read_text()) for path in folder.glob("cells/*.json")}
    for cell in cells.values():
        for key in ("seconds", "commit", "dirty"):
            del cell[key]
    weights = {
        path.name: torch.load(path, weights_only=True)["state_dict"]
        for path in folder.glob("checkpoints/*.ckpt")
    }
    return cells, weights


def assert_as_local(engine, tmp_path: Path) -> None:
    """Run with an engine that loses a worker; cells and weights are those of ``local``, to the bit.

    Nothing else stays in the run's folder but the logs of a lost job.
    """
    assert run_small(tmp_path / "local", None) == 0
    armed = cache_folder() / ARMED
    armed.parent.mkdir(parents=True, exist_ok=True)
    armed.touch()
    assert run_small(tmp_path / "engine", engine) == 0
    assert not armed.exists()
    (cells, weights), (expected_cells, expected_weights) = (
        stored(tmp_path / name) for name in ("engine", "local")
    )
    assert len(cells) == len(FOLDS)
    assert cells == expected_cells
    assert weights.keys() == expected_weights.keys()
    for name, tensors in weights.items():
        for key, tensor in tensors.items():
            assert tensor.equal(expected_weights[name][key]), (name, key)
    (folder,) = (tmp_path / "engine").iterdir()
    left = {path.name for path in folder.iterdir()}
    assert left - {".submitit"} == {"run.json", "cells", "checkpoints"}


def task_in(results: Path):
    """Return what a worker does with a cell of the plan, in a folder of results."""
    return CellTask(RunStore(results, small_plan().run_id), {})
