"""A cell: one training of one configuration on one fold with one seed, a function of its data."""

import math
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.errors import UsageError
from benchmarks.features import node_features
from benchmarks.kernels.kernel import is_kernel
from benchmarks.methods import load_method
from benchmarks.prepared import PreparedLoader, prepared_graphs
from benchmarks.problem import Problem
from benchmarks.settings import Settings
from benchmarks.splits import Fold, fair_folds, published_folds, reference_folds
from benchmarks.training import evaluate, seed_everything, train
from benchmarks.tu_dataset import FastTUDataset, load_dataset
from pyg_diffpool.loader import ResidentLoader

PROTOCOLS = ("fair", "reference")
SPLIT_SEED = 0
"""Seed of the folds where no file of splits is given."""
_SIGNIFICANT_DIGITS = 6

Loader = ResidentLoader | PreparedLoader


@dataclass(frozen=True)
class Cell:
    """The frozen description of a cell; it travels to a worker process."""

    dataset: str
    method: str
    protocol: str
    settings: Settings
    configuration: int
    fold: int
    seed: int
    splits: str | None = None


class CellResult(NamedTuple):
    """A cell's record for the store and its best weights."""

    record: dict[str, Any]
    checkpoint: dict[str, Any]


def run_cell(cell: Cell) -> CellResult:
    """Train and evaluate a cell.

    Under ``fair`` the epoch is chosen on the fold's validation graphs and its weights meet the
    test graphs once. Under ``reference`` there is no test set: every epoch is run and the
    validation curve is the result. Kernels: see :mod:`benchmarks.kernel_cell`.

    Args:
        cell: What to run.
    """
    if is_kernel(cell.method):
        from benchmarks.kernel_cell import run_kernel_cell  # which needs this module

        return run_kernel_cell(cell)
    start = time.perf_counter()
    settings = cell.settings
    dataset = cached_dataset(cell.dataset)
    fold = folds_of(cell.dataset, cell.protocol, cell.splits)[cell.fold]
    seed_everything(1000 * cell.seed + cell.fold, verbose=False)
    x = _features(dataset, fold.train, settings)
    sizes = graph_sizes(dataset)[fold.train]
    clusters = cluster_numbers(sizes, settings)
    problem = Problem(x.size(1), dataset.num_classes, clusters, sizes, dataset.num_edge_features)
    model = load_method(cell.method).build(settings, problem)
    device = _device(settings)
    loaders = _loaders(
        dataset, x, fold, settings, device, prepared_graphs(dataset, cell.method, settings)
    )
    result = train(
        model,
        loaders["train"],
        loaders["validation"],
        settings,
        dataset.num_classes,
        early_stopping=cell.protocol == "fair",
    )
    best = result.best_epoch - 1
    test_accuracy = None
    if len(fold.test) > 0:
        test_accuracy = evaluate(model.to(device), loaders["test"])
    record = {
        "dataset": cell.dataset,
        "method": cell.method,
        "protocol": cell.protocol,
        "configuration": cell.configuration,
        "fold": cell.fold,
        "seed": cell.seed,
        "best_epoch": result.best_epoch,
        "epochs": len(result.curves["validation_accuracy"]),
        "validation_accuracy": result.curves["validation_accuracy"][best],
        "validation_loss": result.curves["validation_loss"][best],
        "test_accuracy": test_accuracy,
        "graphs": {part: len(index) for part, index in fold._asdict().items()},
        "features": x.size(1),
        "clusters": clusters,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seconds": round(time.perf_counter() - start, 1),
        "curves": {
            name: [_rounded(value) for value in values] for name, values in result.curves.items()
        },
    }
    checkpoint = {
        "state_dict": result.state_dict,
        "settings": settings.as_dict(),
        "method": cell.method,
        **problem.as_record(),
        "epoch": result.best_epoch,
    }
    return CellResult(record, checkpoint)


def cluster_numbers(train_sizes: Tensor, settings: Settings) -> list[int]:
    """Return the number of clusters of each pooling, from the training graphs' sizes alone."""
    clusters: list[int] = []
    size = int(train_sizes.max())
    for _ in range(settings.num_pools):
        # 0.1 · 30 is 3.0000000000000004 in binary; a hair above an integer is that integer.
        size = max(1, math.ceil(settings.cluster_ratio * size - 1e-9))
        size = min(size, settings.max_clusters)
        clusters.append(size)
    return clusters


def graph_sizes(dataset: FastTUDataset) -> Tensor:
    """Return each graph's number of nodes."""
    if "x" in dataset.slices:
        return dataset.slices["x"].diff()
    return torch.as_tensor(dataset._data._num_nodes)


@lru_cache(maxsize=1)
def cached_dataset(name: str) -> FastTUDataset:
    """Return a data set, read once a process."""
    return load_dataset(name)


@lru_cache(maxsize=4)
def folds_of(name: str, protocol: str, splits: str | None) -> list[Fold]:
    """Return the folds of a protocol.

    A file of published splits fixes the outer folds; under ``reference`` its test fold is the
    validation fold, and everything else trains.
    """
    labels = cached_dataset(name)._data.y
    if splits is None:
        make = fair_folds if protocol == "fair" else reference_folds
        return make(labels, SPLIT_SEED)
    folds = published_folds(splits, len(labels))
    if protocol == "fair":
        return folds
    return [
        Fold(torch.cat([fold.train, fold.validation]), fold.test, fold.test[:0]) for fold in folds
    ]


def _features(dataset: FastTUDataset, train_index: Tensor, settings: Settings) -> Tensor:
    try:
        return node_features(
            dataset, train_index, features=settings.features, degree_cap=settings.degree_cap
        )
    except ValueError as error:
        raise UsageError(f"setting features: {error}") from error


def _device(settings: Settings) -> torch.device:
    """Return where the graphs stay, which is where Lightning puts the network."""
    on_gpu = settings.accelerator != "cpu" and torch.cuda.is_available()
    return torch.device("cuda", 0) if on_gpu else torch.device("cpu")


def _loaders(
    dataset: FastTUDataset,
    x: Tensor,
    fold: Fold,
    settings: Settings,
    device: torch.device,
    prepared: list[dict[str, Tensor]] | None,
) -> dict[str, Loader]:
    """Return one loader a part of the fold; they share the concatenated graphs."""
    generator = torch.Generator().manual_seed(torch.initial_seed())
    graphs = ResidentLoader(dataset, settings.batch_size, x=x, device=device, generator=generator)
    loaders: dict[str, Loader] = {}
    for part, index in fold._asdict().items():
        loader = graphs.subset(index, shuffle=part == "train")
        if part != "train":
            loader.batch_size = settings.eval_batch_size
        loaders[part] = loader if prepared is None else PreparedLoader(loader, prepared)
    return loaders


def _rounded(value: float) -> float:
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
