"""The command that makes a run's checkpoints anew: git leaves them out of the results."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.methods import kind_of
from benchmarks.runs.recipe import configurations
from benchmarks.spec.errors import UsageError
from benchmarks.spec.objective_weights import Weights
from benchmarks.spec.settings import from_record

FOLDER = "runs/remade"
"""Folder of results that the command names; git ignores it."""


def remake_command(
    run: dict[str, Any], folds: Sequence[int], seeds: Sequence[int], splits: Path | None
) -> str:
    """Return the command that trains some folds of a run again, in another folder of results.

    Args:
        run: The run's description.
        folds: The folds that are needed.
        seeds: The seeds that are needed.
        splits: File of the published folds on which it was trained, or None for own ones.

    Raises:
        UsageError: If no command does, since the recipe is another one by now.
    """
    on_gpu = any(given.get("accelerator", "cpu") != "cpu" for given in run["configurations"])
    parts: list[object] = ["python", "-m", "benchmarks", "run", "--dataset", run["dataset"]]
    parts += ["--method", run["method"], "--protocol", run["protocol"]]
    if splits is not None:
        parts += ["--splits", splits]
    # Under ``reference`` all folds together choose among several configurations.
    if run["protocol"] == "fair" or len(run["configurations"]) == 1:
        parts += ["--folds", ",".join(map(str, sorted(set(folds))))]
    parts += ["--seeds", ",".join(map(str, sorted(set(seeds))))]
    parts += ["--device", "cuda" if on_gpu else "cpu", "--out", FOLDER]
    for key, value in overrides_of(run).items():
        if key != "accelerator":
            parts += ["--set", f"{key}={_as_text(value)}"]
    return shlex.join(map(str, parts))


def overrides_of(run: dict[str, Any]) -> dict[str, Any]:
    """Return the settings by which a run differs from its recipe, the same in all configurations.

    Raises:
        UsageError: If there are no such settings.
    """
    if kind_of(run["method"]).chosen:
        return {}
    # Records leave out later settings at their defaults, which a recipe may have changed since.
    recorded = [dataclasses.asdict(from_record(record)) for record in run["configurations"]]
    known = _tried(run, {})
    overrides = {
        key: dict(value) if isinstance(value, Weights) else value
        for key, value in recorded[0].items()
        if key != "explicit"
        and all(given.get(key) == value for given in recorded)
        and any(recipe.get(key) != value for recipe in known)
    }
    # Names that a preset's network was told at their defaults change it as well.
    for key in recorded[0]["explicit"]:
        if any(key not in recipe["explicit"] for recipe in known):
            overrides[key] = recorded[0][key]
    if _tried(run, overrides) != recorded:
        raise UsageError(
            f"run {run['run']}: its recipe is another one by now, and its checkpoints are missing; "
            f"train it anew: python -m benchmarks run --dataset {run['dataset']} --method "
            f"{run['method']} --protocol {run['protocol']}"
        )
    return overrides


def _tried(run: dict[str, Any], overrides: dict[str, Any]) -> list[dict[str, Any]]:
    tried = configurations(run["dataset"], run["method"], overrides)
    return [dataclasses.asdict(settings) for settings in tried]


def _as_text(value: Any) -> str:
    """Write a value as ``--set`` takes it."""
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return ",".join(f"{name}:{weight}" for name, weight in value.items())
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
