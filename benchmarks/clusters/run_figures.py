"""The figures of one run: its networks' assignments, measured fold by fold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from benchmarks.clusters.checkpoints import StoredRun, Trained, trained_networks
from benchmarks.clusters.measures import (
    Structure,
    Use,
    cluster_structure,
    cluster_use,
    composed,
    shuffled_labels,
    undirected_edges,
)
from benchmarks.data.registry import find_source
from benchmarks.records.provenance import code_version, package_versions
from benchmarks.records.store import to_json, write_atomically
from benchmarks.spec.errors import UsageError
from benchmarks.spec.objective_weights import recorded_link_weight
from benchmarks.tables.scores import numbers_text
from benchmarks.training.effective_clusters import assigned_rows, padded_levels
from benchmarks.training.forward import Forward

SHUFFLE_SEED = 0
_DIGITS = 6

Record = dict[str, Any]


class Level:
    """Per-graph values of one pooling, batch after batch.

    Structure is that of the input graph: a node's cluster is the likeliest one of the composed
    assignment, since the edges of a pooled graph are weights between all clusters.
    """

    def __init__(self) -> None:
        self.use: list[Use] = []
        self.composed_use: list[Use] = []
        self.structure: list[Structure] = []
        self.shuffled: list[Structure] = []

    def figures(self) -> Record:
        """Return the means over graphs; of clusters that fall apart, the share of them all."""
        use = {name: _joined(self.use, name) for name in Use._fields}
        structure = {name: _joined(self.structure, name) for name in Structure._fields}
        ratio = structure["ratio"][~np.isnan(structure["ratio"])]
        return {
            "nodes": _mean(use["nodes"]),
            "clusters_available": _mean(use["available"]),
            "clusters_used": _mean(use["used"]),
            "effective_clusters": _mean(use["effective"]),
            "entropy": _mean(use["entropy"]),
            "relative_entropy": _mean(use["relative_entropy"]),
            "clusters_used_by_input_nodes": _mean(_joined(self.composed_use, "used")),
            "within_density": _mean(structure["within_density"]),
            "density": _mean(structure["density"]),
            "density_ratio": _mean(structure["ratio"]),
            "denser_share": float((ratio > 1).mean()) if len(ratio) else None,
            "disconnected": _share(self.structure),
            "disconnected_shuffled": _share(self.shuffled),
        }


def analyse_run(stored: StoredRun, splits: Path | None) -> Record:
    """Return a run's figures as JSON-ready values.

    Raises:
        UsageError: If its networks have no clusters, or its checkpoints are missing.
    """
    run = stored.run
    if not find_source(run["dataset"]).PLAIN:
        raise UsageError(f"run {run['run']}: expected a run on TU data, got {run['dataset']}")
    if not any(stored.clusters):
        raise UsageError(f"run {run['run']}: {run['method']} pools nothing, or no fold is finished")
    folds = [_fold(trained, stored.part) for trained in trained_networks(stored, splits)]
    accuracy = 100 * np.array(list(stored.folds.accuracy.values()))
    deepest = max(len(fold["levels"]) for fold in folds)
    return {
        "run": run["run"],
        "dataset": run["dataset"],
        "method": run["method"],
        "protocol": run["protocol"],
        "part": stored.part,
        "splits": run["splits"],
        "clusters": sorted(stored.clusters),
        "link_weights": sorted(set(map(recorded_link_weight, run["configurations"]))),
        "accuracy": {
            "mean": _rounded(float(accuracy.mean())),
            "std": _rounded(float(accuracy.std())),
            "folds": numbers_text(list(stored.folds.accuracy)),
            "seeds": numbers_text(stored.folds.seeds),
        },
        "levels": levels_over_folds(folds),
        "level_folds": [sum(len(fold["levels"]) > n for fold in folds) for n in range(deepest)],
        "folds": folds,
        "shuffle_seed": SHUFFLE_SEED,
        "code": code_version(),
        "packages": package_versions(),
    }


def write_analysis(stored: StoredRun, record: Record) -> Path:
    """Write a run's figures beside its cells."""
    path = stored.store.folder / "analysis.json"
    write_atomically(path, to_json(record, indent=1))
    return path


@torch.no_grad()
def measure_levels(network: nn.Module, batches: Any) -> tuple[list[Level], float]:
    """Return what a network's poolings do on the graphs of some batches, and its accuracy."""
    predict = Forward(network)
    levels: dict[int, Level] = defaultdict(Level)
    correct: list[Tensor] = []
    for batch in batches:
        prediction = predict(batch)
        if not prediction.levels:
            name = type(network).__name__
            raise UsageError(f"expected a network that returns its levels, got {name}")
        correct.append(prediction.logits.argmax(-1) == batch.y.view(-1))
        _measure(padded_levels(prediction.levels), batch, levels)
    return [levels[number] for number in sorted(levels)], float(torch.cat(correct).double().mean())


def _measure(pooled_levels: Sequence[Any], batch: Batch, levels: dict[int, Level]) -> None:
    graph, num_graphs = batch.batch, batch.num_graphs
    edges = undirected_edges(batch.edge_index.as_subclass(Tensor))
    assignments: list[Tensor] = []
    every_row = assigned_rows(pooled_levels, graph)
    for number, (pooled, rows) in enumerate(zip(pooled_levels, every_row, strict=True)):
        assignments.append(pooled.assignment)
        available = pooled.mask.sum(1)
        level = levels[number]
        level.use.append(cluster_use(*rows, available))
        of_nodes = composed(assignments, graph)
        level.composed_use.append(cluster_use(of_nodes, graph, available))
        label, where = of_nodes.argmax(1).numpy(), graph.numpy()
        level.structure.append(cluster_structure(label, where, edges, num_graphs))
        label = shuffled_labels(label, where, SHUFFLE_SEED)
        level.shuffled.append(cluster_structure(label, where, edges, num_graphs))


def _fold(trained: Trained, part: str) -> Record:
    cell = trained.cell
    levels, accuracy = measure_levels(trained.network, trained.loader)
    epoch = cell["best_epoch"] - 1
    return {
        "fold": cell["fold"],
        "seed": cell["seed"],
        "configuration": cell["configuration"],
        "epoch": cell["best_epoch"],
        "graphs": cell["graphs"][part],
        "clusters": cell["clusters"],
        "accuracy": _rounded(accuracy),
        "stored_accuracy": _rounded(cell[f"{part}_accuracy"]),
        "training_terms": {
            name: values[epoch]
            for name, values in cell["curves"].items()
            if name.startswith(("link_", "entropy_"))
        },
        "levels": [
            {name: _rounded(value) for name, value in level.figures().items()} for level in levels
        ],
    }


def levels_over_folds(folds: Sequence[Record]) -> list[Record]:
    """Return each level's figures over the folds that have it.

    Folds may have chosen configurations of different numbers of poolings.
    """
    by_level: dict[int, list[Record]] = defaultdict(list)
    for fold in folds:
        for number, level in enumerate(fold["levels"]):
            by_level[number].append(level)
    return [_over_folds(by_level[number]) for number in sorted(by_level)]


def _over_folds(levels: list[Record]) -> Record:
    """Return mean and population standard deviation over folds of each figure."""
    figures: Record = {}
    for name in levels[0]:
        values = [level[name] for level in levels if level[name] is not None]
        figures[name] = {
            "mean": _rounded(float(np.mean(values))) if values else None,
            "std": _rounded(float(np.std(values))) if values else None,
        }
    return figures


def _joined(parts: list[Any], name: str) -> np.ndarray:
    return np.concatenate([getattr(part, name) for part in parts])


def _mean(values: np.ndarray) -> float | None:
    """Return the mean of the values that there are."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _share(parts: list[Structure]) -> float | None:
    clusters = _joined(parts, "clusters").sum()
    return float(_joined(parts, "disconnected").sum() / clusters) if clusters else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
