"""Small data sets in OGB's format, written by ogb's own DatasetSaver."""

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data.ogb_package import import_ogb

NUM_GRAPHS = 40
SPLIT = {
    "train": np.arange(24),
    "valid": np.arange(24, 32),
    "test": np.arange(32, 40),
}


def write_ogb(
    folder: Path,
    name: str,
    labels: np.ndarray,
    task_type: str = "binary classification",
    metric: str = "rocauc",
    num_classes: int = 2,
    split: dict[str, np.ndarray] = SPLIT,
) -> dict[str, object]:
    """Write ``folder/submission_NAME`` and return its ``meta_dict``.

    Args:
        folder: Where to write.
        name: Name of the data set, such as ``"ogbg-molhiv"``.
        labels: Targets ``[40, T]``; NaN where there is none.
        task_type: OGB's word for the task.
        metric: OGB's word for the metric.
        num_classes: Number of classes.
        split: Graph numbers of the parts.
    """
    rng = np.random.default_rng(0)
    make = _molecule if name.startswith("ogbg-mol") else _association
    # Drawn from the labels, so that there is something to learn.
    graphs = [
        make(rng, number, bool(np.nan_to_num(labels[number, 0]))) for number in range(NUM_GRAPHS)
    ]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        saver = import_ogb("ogb.io").DatasetSaver(name, False, 1, root=str(folder / "submission"))
        saver.save_graph_list(graphs)
        saver.save_target_labels(labels)
        saver.save_split(split, "scaffold")
        mapping = folder / "mapping"
        mapping.mkdir(exist_ok=True)
        (mapping / "README.md").write_text("no names\n")
        saver.copy_mapping_dir(str(mapping))
        saver.save_task_info(task_type, metric, num_classes=num_classes)
        meta_dict: dict[str, object] = saver.get_meta_dict()
    return meta_dict


def binary_labels(num_tasks: int, missing: float = 0.0) -> np.ndarray:
    """Return 0 and 1 in turns, for each task from another start, some replaced by NaN."""
    labels = (np.arange(NUM_GRAPHS)[:, None] + np.arange(num_tasks)) % 2
    if missing == 0.0:
        return labels
    hidden = np.random.default_rng(1).random(labels.shape) < missing
    return np.where(hidden, np.nan, labels.astype(float))


OGB_SETS: dict[str, dict[str, Any]] = {
    "ogbg-molhiv": {"labels": binary_labels(1)},
    "ogbg-molpcba": {"labels": binary_labels(128, missing=0.3), "metric": "ap"},
    "ogbg-ppa": {
        "labels": np.arange(NUM_GRAPHS)[:, None] % 3,
        "metric": "acc",
        "task_type": "multiclass classification",
        "num_classes": 37,
    },
}


"""Arguments of :func:`write_ogb` for each kind of data set."""


def _molecule(rng: np.random.Generator, number: int, label: bool) -> dict[str, object]:
    """Return a chain of 1 to 6 atoms, one kind of bond to each label."""
    dims = import_ogb("ogb.utils.features")
    size = 1 + number % 6
    atoms = np.stack([rng.integers(0, dim, size) for dim in dims.get_atom_feature_dims()], axis=1)
    bonds = np.stack(
        [rng.integers(0, dim, size - 1) for dim in dims.get_bond_feature_dims()], axis=1
    )
    atoms[:, 0], bonds[:, 0] = 5 + label, label
    return {
        "edge_index": _both_ways(size),
        "edge_feat": np.repeat(bonds, 2, axis=0),
        "node_feat": atoms,
        "num_nodes": size,
    }


def _association(rng: np.random.Generator, number: int, label: bool) -> dict[str, object]:
    """Return a chain without node features, with seven numbers an edge."""
    size = 2 + number % 5
    edges = (rng.random((size - 1, 7)) + label).astype(np.float32)
    return {
        "edge_index": _both_ways(size),
        "edge_feat": np.repeat(edges, 2, axis=0),
        "node_feat": None,
        "num_nodes": size,
    }


def _both_ways(size: int) -> np.ndarray:
    first = np.arange(size - 1)
    pairs = np.stack([first, first + 1, first + 1, first], axis=1)
    return pairs.reshape(-1, 2).T
