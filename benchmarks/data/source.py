"""A data set as the runner sees it: graphs, task, folds, and what networks are built for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch_geometric.data import InMemoryDataset

from benchmarks.data.features import check_label_width, graph_sizes, node_features
from benchmarks.data.splits import Fold, fair_folds, published_folds, reference_folds, small_classes
from benchmarks.data.task import Multiclass, Task
from benchmarks.records.provenance import dataset_digest, file_digest
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings

SPLIT_SEED = 0
"""Seed of the folds where no file of splits is given."""


class Source(ABC):
    """A data set under one name; its graphs are read when they are first asked for.

    A subclass in :mod:`benchmarks.data.sources` says which names it answers to and how their graphs
    are read. What this class says holds for one class a graph and stratified folds; a subclass
    replaces what is otherwise.

    Args:
        name: Name of the data set.

    Attributes:
        NAMES: The names that ``python -m benchmarks list`` shows.
        PREFIX: How the other names begin that it answers to; None where there are no others.
        IN_FILES: Whether the graphs come from files, which may be missing.
        NO_SPLITS: Why no file of splits can be given, if none can, as what follows the name.
        NO_KERNELS: Why no kernel can be asked for, if none can.
        PLAIN: Whether every method reads the features as they are and chooses one class a graph;
            else only networks behind an encoder take the data, and their clusters are not analysed.
        encoder: Name of the encoder that the features need before any network
            (:mod:`benchmarks.data.ogb_encoder`), if they do.
    """

    NAMES: ClassVar[tuple[str, ...]] = ()
    PREFIX: ClassVar[str | None] = None
    IN_FILES: ClassVar[bool] = True
    NO_SPLITS: ClassVar[str | None] = None
    NO_KERNELS: ClassVar[str | None] = None
    PLAIN: ClassVar[bool] = True

    encoder: str | None = None

    def __init__(self, name: str) -> None:
        self.name = name
        self._folds: dict[tuple[str, str | None], list[Fold]] = {}

    @abstractmethod
    def load(self) -> InMemoryDataset:
        """Read or make the graphs.

        Raises:
            AbsentDataError: If they are neither cached nor to be had.
            UsageError: If they cannot be read, or are not what the runner trains for.
        """

    @cached_property
    def graphs(self) -> InMemoryDataset:
        """The graphs, read once; they are never changed."""
        return self.load()

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of graphs, features and labels."""
        return dataset_digest(self.graphs)

    @cached_property
    def sizes(self) -> Tensor:
        """Number of nodes of each graph, ``[G]``."""
        return graph_sizes(self.graphs)

    @property
    def targets(self) -> Tensor:
        """What networks are trained for, one row a graph."""
        targets: Tensor = self.graphs._data.y
        return targets

    @property
    def task(self) -> Task:
        """Loss and metric."""
        return Multiclass(self.graphs.num_classes)

    def check(self, protocol: str, splits: str | Path | None) -> None:
        """Refuse a protocol or a file of splits that these data cannot have; reads no graphs."""
        if self.NO_SPLITS is not None and splits is not None:
            raise UsageError(
                f"--splits: {self.name} {self.NO_SPLITS}, expected no file, got {splits}"
            )

    def check_kernel(self, method: str) -> None:
        """Refuse a kernel where the data have no class a graph or no label a node."""
        if self.NO_KERNELS is not None:
            raise UsageError(
                f"--method {method}: {self.NO_KERNELS}; for {self.name} expected a network"
            )

    def folds(self, protocol: str, splits: str | Path | None = None) -> list[Fold]:
        """Return the folds of a protocol, made once.

        A file of published splits fixes the outer folds; under ``reference`` its test fold is the
        validation fold, and everything else trains.
        """
        self.check(protocol, splits)
        asked = protocol, None if splits is None else str(splits)
        if asked not in self._folds:
            self._folds[asked] = self._make_folds(*asked)
        return self._folds[asked]

    def _make_folds(self, protocol: str, splits: str | None) -> list[Fold]:
        if splits is None:
            make = fair_folds if protocol == "fair" else reference_folds
            return make(self.targets, SPLIT_SEED)
        folds = published_folds(splits, len(self.graphs))
        if protocol == "fair":
            return folds
        return [
            Fold(torch.cat([fold.train, fold.validation]), fold.test, fold.test[:0])
            for fold in folds
        ]

    def folds_identity(self, splits: Path | None) -> dict[str, Any]:
        """Return what tells the folds of a run from those of another."""
        if splits:
            return {"sha256": file_digest(splits)}
        small = small_classes(self.targets)
        return {"seed": SPLIT_SEED, **({"small_classes": small} if small else {})}

    def check_features(self, settings: Settings) -> None:
        """Refuse features that the data do not have, or for which memory is too small."""
        try:
            check_label_width(self.graphs, settings.features, settings.label_cap)
        except ValueError as error:
            raise UsageError(f"setting label_cap: {error}") from error

    def features(self, train: Tensor, settings: Settings) -> Tensor | None:
        """Return the features of all nodes, or None where they have none.

        Args:
            train: Numbers of the training graphs, from which alone anything is estimated.
            settings: Say which features, and how wide.
        """
        try:
            return node_features(
                self.graphs,
                train,
                features=settings.features,
                degree_cap=settings.degree_cap,
                label_cap=settings.label_cap,
            )
        except ValueError as error:
            raise UsageError(f"setting features: {error}") from error

    def problem(
        self, num_features: int, clusters: list[int], train: Tensor | None = None
    ) -> Problem:
        """Return what a network on these data is built for.

        Args:
            num_features: Width of the node features.
            clusters: Number of clusters of each pooling.
            train: Numbers of the training graphs. (default: all)
        """
        return Problem(
            num_features=num_features,
            num_classes=self.task.num_outputs,
            clusters=clusters,
            train_sizes=self.sizes if train is None else self.sizes[train],
            num_edge_features=self.graphs.num_edge_features,
            encoder=self.encoder,
        )
