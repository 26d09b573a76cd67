"""Data sets by name: their graphs, their task, their folds and the features networks get."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import InMemoryDataset

from benchmarks.data.features import check_label_width, node_features
from benchmarks.data.generated import GENERATED
from benchmarks.data.ogb_dataset import OgbDataset, is_ogb, load_ogb_dataset
from benchmarks.data.splits import Fold, fair_folds, published_folds, reference_folds, small_classes
from benchmarks.data.task import Multiclass, Task
from benchmarks.data.tu_dataset import FastTUDataset, load_dataset
from benchmarks.records.provenance import file_digest
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import Settings

SPLIT_SEED = 0
"""Seed of the folds where no file of splits is given."""


@lru_cache(maxsize=1)
def cached_dataset(name: str) -> InMemoryDataset:
    """Return a data set of graphs to classify, read or made once a process."""
    if name in GENERATED:
        return GENERATED[name]()
    if is_ogb(name):
        return load_ogb_dataset(name)
    dataset = load_dataset(name)
    check_classes(dataset)
    return dataset


def check_classes(dataset: FastTUDataset) -> None:
    """Refuse TU data without one class a graph: other targets are not what is trained for."""
    name, y = dataset.name, dataset._data.y
    what = f"data set '{name}': the runner classifies graphs; expected {name}_graph_labels.txt"
    if y is None:
        raise UsageError(f"{what}, got none")
    if y.is_floating_point():
        first = float(y.view(-1)[0])
        raise UsageError(
            f"{what} alone, got {name}_graph_attributes.txt, which holds targets of regression "
            f"(the first is {first:g})"
        )
    if y.dim() != 1 or y.numel() != len(dataset):
        raise UsageError(
            f"{what} with one class for each of {len(dataset)} graphs, got {list(y.shape)}"
        )
    if int(y.max()) < 1:
        raise UsageError(f"{what} with two classes or more, got one for all graphs")


def graph_sizes(dataset: InMemoryDataset) -> Tensor:
    """Return each graph's number of nodes."""
    if "x" not in dataset.slices:
        return torch.as_tensor(dataset._data._num_nodes)
    sizes: Tensor = dataset.slices["x"].diff()
    return sizes


def task_of(dataset: InMemoryDataset) -> Task:
    """Return what networks are trained for on a data set: one class a graph, but for OGB's."""
    return dataset.task if isinstance(dataset, OgbDataset) else Multiclass(dataset.num_classes)


def encoder_of(dataset: InMemoryDataset) -> str | None:
    """Return the name of the encoder that the features need, if they do."""
    return dataset.encoder if isinstance(dataset, OgbDataset) else None


@lru_cache(maxsize=4)
def folds_of(name: str, protocol: str, splits: str | None) -> list[Fold]:
    """Return the folds of a protocol.

    A file of published splits fixes the outer folds; under ``reference`` its test fold is the
    validation fold, and everything else trains. OGB's official split is one fold.
    """
    check_protocol(name, protocol, splits)
    dataset = cached_dataset(name)
    if isinstance(dataset, OgbDataset):
        return [dataset.fold]
    labels = dataset._data.y
    if splits is None:
        make = fair_folds if protocol == "fair" else reference_folds
        return make(labels, SPLIT_SEED)
    folds = published_folds(splits, len(labels))
    if protocol == "fair":
        return folds
    return [
        Fold(torch.cat([fold.train, fold.validation]), fold.test, fold.test[:0]) for fold in folds
    ]


def check_protocol(name: str, protocol: str, splits: str | Path | None) -> None:
    """Refuse other splits than the official one, or than our own, for data that have only those."""
    if name in GENERATED and splits is not None:
        raise UsageError(
            f"--splits: {name} is generated and has no published folds, expected no file, got "
            f"{splits}"
        )
    if not is_ogb(name):
        return
    if protocol != "fair":
        raise UsageError(
            f"--protocol {protocol}: {name} has an official split with a test part, and the paper "
            "has no OGB; use --protocol fair"
        )
    if splits is not None:
        raise UsageError(f"--splits: {name} has an official split, expected no file, got {splits}")


def check_kernel(name: str, method: str) -> None:
    """Refuse a kernel method for data without one class a graph and one label a node."""
    if is_ogb(name):
        raise UsageError(
            f"--method {method}: kernels take TU data, one class a graph; for {name} expected a "
            "network"
        )
    if name in GENERATED:
        raise UsageError(
            f"--method {method}: kernels compare labels of nodes, and the nodes of {name} have "
            "noisy attributes alone; expected a network"
        )


def splits_identity(name: str, splits: Path | None) -> dict[str, Any]:
    """Return what tells the folds of a run from those of another."""
    if is_ogb(name):
        digest = hashlib.sha256()
        for part in cached_dataset(name).fold:
            digest.update(part.numpy().tobytes())
            digest.update(b"|")
        return {"official": digest.hexdigest()}
    if splits:
        return {"sha256": file_digest(splits)}
    small = small_classes(cached_dataset(name)._data.y)
    return {"seed": SPLIT_SEED, **({"small_classes": small} if small else {})}


def check_features(dataset: InMemoryDataset, settings: Settings) -> None:
    """Refuse features that the data do not have, or for which memory is too small.

    OGB's data have one kind only, and encoders for it.
    """
    if isinstance(dataset, OgbDataset) and settings.features != "auto":
        raise UsageError(
            f"setting features: {dataset.name} has features of its own, expected auto, got "
            f"{settings.features}"
        )
    try:
        check_label_width(dataset, settings.features, settings.label_cap)
    except ValueError as error:
        raise UsageError(f"setting label_cap: {error}") from error


def features_of(dataset: InMemoryDataset, train_index: Tensor, settings: Settings) -> Tensor | None:
    """Return the features of all nodes; of OGB's the raw ones, and none where there are none."""
    if isinstance(dataset, OgbDataset):
        check_features(dataset, settings)
        x: Tensor | None = dataset._data.x
        return x
    try:
        return node_features(
            dataset,
            train_index,
            features=settings.features,
            degree_cap=settings.degree_cap,
            label_cap=settings.label_cap,
        )
    except ValueError as error:
        raise UsageError(f"setting features: {error}") from error
