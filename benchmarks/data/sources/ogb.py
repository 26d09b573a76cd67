"""OGB's data sets of classification: official splits and metrics, features behind an encoder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from torch import Tensor
from torch_geometric.data import InMemoryDataset

from benchmarks.data.ogb_dataset import OgbDataset, load_ogb_dataset
from benchmarks.data.source import Source
from benchmarks.data.splits import Fold
from benchmarks.data.task import Task
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import Settings


class OgbSource(Source):
    """An OGB data set; its official split is its one fold, and its features stay as they are."""

    NAMES = ("ogbg-molhiv", "ogbg-molpcba", "ogbg-ppa")
    PREFIX = "ogbg-"
    NO_SPLITS = "has an official split"
    NO_KERNELS = "kernels take TU data, one class a graph"
    PLAIN = False

    graphs: OgbDataset

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.encoder = "molecule" if name.startswith("ogbg-mol") else "edge"

    def load(self) -> InMemoryDataset:
        """Read what OGB's own classes make of its files."""
        return load_ogb_dataset(self.name)

    @property
    def task(self) -> Task:
        """The loss and metric of OGB's evaluator."""
        return self.graphs.task

    def check(self, protocol: str, splits: str | Path | None) -> None:
        """Refuse other folds than the official split."""
        if protocol != "fair":
            raise UsageError(
                f"--protocol {protocol}: {self.name} has an official split with a test part, and "
                "the paper has no OGB; use --protocol fair"
            )
        super().check(protocol, splits)

    def _make_folds(self, protocol: str, splits: str | None) -> list[Fold]:
        return [self.graphs.fold]

    def folds_identity(self, splits: Path | None) -> dict[str, Any]:
        """Return a digest of the official split."""
        digest = hashlib.sha256()
        for part in self.graphs.fold:
            digest.update(part.numpy().tobytes())
            digest.update(b"|")
        return {"official": digest.hexdigest()}

    def check_features(self, settings: Settings) -> None:
        """Refuse features of another kind than OGB's own."""
        if settings.features != "auto":
            raise UsageError(
                f"setting features: {self.name} has features of its own, expected auto, got "
                f"{settings.features}"
            )
        super().check_features(settings)

    def features(self, train: Tensor, settings: Settings) -> Tensor | None:
        """Return the raw features, or None of graphs that have features of edges alone."""
        self.check_features(settings)
        x: Tensor | None = self.graphs._data.x
        return x
