"""What a command asks for: the run that it names, checked before anything is trained."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch_geometric.data import InMemoryDataset

from benchmarks.data.dataset import (
    cached_dataset,
    check_protocol,
    folds_of,
    splits_identity,
)
from benchmarks.data.tu_dataset import DATA_VARIABLE
from benchmarks.records.provenance import dataset_digest
from benchmarks.runs.recipe import DATASETS, configurations
from benchmarks.spec.cell import Cell
from benchmarks.spec.errors import UsageError, near_names
from benchmarks.spec.settings import Settings
from benchmarks.training.engines import engine_of

_NEAR = 0.8
"""Share of letters from which on another name is taken for a slip; TU has many sets."""


@dataclass(frozen=True)
class Plan:
    """What a command asks for: one run, its configurations, folds and seeds."""

    dataset: str
    method: str
    protocol: str
    configurations: tuple[Settings, ...]
    folds: tuple[int, ...]
    seeds: tuple[int, ...]
    splits: Path | None
    identity: dict[str, Any]

    @property
    def run_id(self) -> str:
        """The same for the same command; another for any other configuration, split or data."""
        content = json.dumps(self.identity, sort_keys=True).encode()
        method = self.method.replace(":", ".").replace("/", ".")
        short = hashlib.sha256(content).hexdigest()[:8]
        return f"{self.dataset}-{method}-{self.protocol}-{short}"

    def cells(self) -> list[Cell]:
        """Return the cells, fold by fold, so that an early stop leaves whole folds."""
        return [
            Cell(
                dataset=self.dataset,
                method=self.method,
                protocol=self.protocol,
                settings=settings,
                configuration=number,
                fold=fold,
                seed=seed,
                splits=None if self.splits is None else str(self.splits),
            )
            for seed in self.seeds
            for fold in self.folds
            for number, settings in enumerate(self.configurations)
        ]


def make_plan(
    dataset: str,
    method: str,
    protocol: str,
    overrides: dict[str, Any],
    folds: Sequence[int] | None,
    seeds: Sequence[int],
    splits: Path | None,
) -> Plan:
    """Read the data once and check everything that can be checked before training.

    Without ``folds`` the plan has all that the protocol has on these data.
    """
    check_protocol(dataset, protocol, splits)
    engine = engine_of(method)
    engine.check_dataset(dataset, method)
    tried = tuple(configurations(dataset, method, overrides))
    data = read_dataset(dataset)
    number = len(folds_of(dataset, protocol, None if splits is None else str(splits)))
    folds = range(number) if folds is None else folds
    beyond = [fold for fold in folds if fold >= number]
    if beyond:
        raise UsageError(f"--folds: expected 0 to {number - 1}, got {beyond[0]}")
    identity = {
        "dataset": dataset,
        "method": method,
        "protocol": protocol,
        "configurations": [settings.as_dict() for settings in tried],
        "splits": splits_identity(dataset, splits),
        "data": dataset_digest(data),
        **engine.identity(method),
    }
    engine.check(dataset, method, tried)
    return Plan(dataset, method, protocol, tried, tuple(folds), tuple(seeds), splits, identity)


def read_dataset(name: str) -> InMemoryDataset:
    """Return a data set, read once a process; one that cannot be read is the user's error."""
    try:
        return cached_dataset(name)
    except FileNotFoundError as error:
        if error.errno is not None:  # Not the data are missing: the cache cannot be made.
            raise
        raise absent_dataset(name, error) from error


def absent_dataset(name: str, reason: object) -> UsageError:
    """Return the error for a data set that is not found, with the known name that it resembles.

    Args:
        name: Its name.
        reason: Why it is not found.
    """
    near = [] if name in DATASETS else near_names(name, DATASETS, cutoff=_NEAR)
    if near:
        return UsageError(f"unknown data set {name!r}: did you mean {near[0]!r}? ({reason})")
    folder = os.environ.get(DATA_VARIABLE)
    if folder and "://" not in folder and not Path(folder).expanduser().is_dir():
        return UsageError(f"${DATA_VARIABLE}: expected a folder, there is none at {folder}")
    return UsageError(str(reason))
