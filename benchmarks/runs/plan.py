"""What a command asks for: the run that it names, checked before anything is trained."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.data.registry import find_source
from benchmarks.runs.recipe import configurations
from benchmarks.spec.cell import Cell
from benchmarks.spec.device import check_accelerator
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import Settings
from benchmarks.training.engines import engine_of


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
                # Whole, for workers that start in another folder.
                splits=None if self.splits is None else str(self.splits.absolute()),
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
    *,
    gpus_elsewhere: bool = False,
    recipe: bool = True,
) -> Plan:
    """Read the data once and check everything that can be checked before training.

    Without ``folds`` the plan has all that the protocol has on these data. Devices are those of
    this machine, unless ``gpus_elsewhere``. Without ``recipe``, settings are the method's own
    defaults and the overrides.
    """
    source = find_source(dataset)
    source.check(protocol, splits)
    engine = engine_of(method)
    engine.check_source(source, method)
    tried = tuple(configurations(dataset, method, overrides, recipe=recipe))
    number = len(source.folds(protocol, splits))
    folds = range(number) if folds is None else folds
    beyond = [fold for fold in folds if fold >= number]
    if beyond:
        raise UsageError(f"--folds: expected 0 to {number - 1}, got {beyond[0]}")
    identity = {
        "dataset": dataset,
        "method": method,
        "protocol": protocol,
        "configurations": [settings.as_dict() for settings in tried],
        "splits": source.folds_identity(splits),
        "data": source.digest,
        **engine.identity(method),
    }
    if not gpus_elsewhere:
        for settings in tried:
            check_accelerator(settings)
    engine.check(source, method, tried)
    return Plan(dataset, method, protocol, tried, tuple(folds), tuple(seeds), splits, identity)
