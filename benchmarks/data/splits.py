"""Folds of the two protocols: ``fair`` (own or published splits) and ``reference``."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold, train_test_split
from torch import Tensor

NUM_FOLDS = 10
HOLD_OUT = 0.1


class Fold(NamedTuple):
    """Graph numbers of one fold, each part ascending; ``test`` is empty under ``reference``."""

    train: Tensor
    validation: Tensor
    test: Tensor


def fair_folds(labels: Tensor | Sequence[int], seed: int = 0) -> list[Fold]:
    """Stratified 10-fold split with a stratified 90/10 hold-out inside each training part.

    Classes of fewer than 10 graphs are spread over as many folds as they have graphs, with a
    warning; every graph is still tested once.

    Args:
        labels: Class of each graph.
        seed: Seed of the shuffles.
    """
    classes = _classes(labels)
    return [
        _fold(*_hold_out(rest, classes[rest], seed), test)
        for rest, test in _outer_parts(classes, seed)
    ]


def reference_folds(labels: Tensor | Sequence[int], seed: int) -> list[Fold]:
    """The paper's protocol: nine folds train, the tenth validates, no graph is kept for a test.

    Classes of fewer than 10 graphs are treated as in :func:`fair_folds`.

    Args:
        labels: Class of each graph.
        seed: Seed of the shuffle.
    """
    return [_fold(rest, held, []) for rest, held in _outer_parts(_classes(labels), seed)]


def published_folds(path: str | Path, num_graphs: int) -> list[Fold]:
    """Reads published folds: the ten test sets and one model-selection hold-out in each rest.

    Args:
        path: JSON file in the format of gnn-comparison (Errica et al., ICLR 2020), a list of
            ``{"test": [...], "model_selection": [{"train": [...], "validation": [...]}]}`` with
            graph numbers from 0 in the order of the data set's files.
        num_graphs: Number of graphs in the data set.
    """
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"splits file {path}: expected JSON, got no text ({error})") from error
    except RecursionError as error:
        raise ValueError(f"splits file {path}: expected JSON, got one nested too deep") from error
    except ValueError as error:  # Not JSON, or a number of thousands of digits.
        raise ValueError(f"splits file {path}: expected JSON, got {error}") from error
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"splits file {path}: expected a list of folds, got {_kind(entries)}")
    folds = [
        _published_fold(entry, num_graphs, f"splits file {path}, fold {number}")
        for number, entry in enumerate(entries)
    ]
    tested = torch.cat([fold.test for fold in folds]).bincount(minlength=num_graphs)
    if bool((tested != 1).any()):
        graph = int((tested != 1).nonzero()[0])
        raise ValueError(
            f"splits file {path}: expected each graph in one test fold, "
            f"graph {graph} is in {int(tested[graph])}"
        )
    return folds


def small_classes(labels: Tensor | Sequence[int] | np.ndarray) -> dict[str, int]:
    """Return the number of graphs of each class that is too small to be in every fold.

    Args:
        labels: Class of each graph.
    """
    values, counts = np.unique(np.asarray(labels), return_counts=True)
    return {
        str(value): int(count)
        for value, count in zip(values, counts, strict=True)
        if count < NUM_FOLDS
    }


def _published_fold(entry: Any, num_graphs: int, where: str) -> Fold:
    selections = _key(entry, "model_selection", where)
    if not isinstance(selections, list) or len(selections) != 1:
        raise ValueError(
            f"{where}: expected 'model_selection' to hold one train/validation pair, "
            f"got {_kind(selections)}"
        )
    parts = {
        "train": _indices(_key(selections[0], "train", where), "train", where),
        "validation": _indices(_key(selections[0], "validation", where), "validation", where),
        "test": _indices(_key(entry, "test", where), "test", where),
    }
    counts = {}
    for name, part in parts.items():
        if part.numel() and not 0 <= int(part.min()) <= int(part.max()) < num_graphs:
            raise ValueError(
                f"{where}: expected the numbers of {num_graphs} graphs (0 to {num_graphs - 1}), "
                f"'{name}' goes from {int(part.min())} to {int(part.max())}"
            )
        counts[name] = part.bincount(minlength=num_graphs)
    total = torch.stack(list(counts.values())).sum(dim=0)
    if int(total.max()) > 1:
        graph = int(total.argmax())
        names = [name for name, count in counts.items() if count[graph]]
        raise ValueError(
            f"{where}: expected disjoint parts, graph {graph} is {int(total[graph])} times in "
            f"{' and '.join(names)}"
        )
    if int(total.sum()) != num_graphs:
        raise ValueError(
            f"{where}: expected {num_graphs} graphs as in the data set, got {int(total.sum())}"
        )
    return _fold(**parts)


def _key(entry: Any, key: str, where: str) -> Any:
    if not isinstance(entry, dict) or key not in entry:
        raise ValueError(f"{where}: expected key '{key}', got {_kind(entry)}")
    return entry[key]


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return f"keys {sorted(value)}"[:200]
    return f"{len(value)} entries" if isinstance(value, list) else repr(value)[:80]


def _indices(values: Any, name: str, where: str) -> Tensor:
    if not isinstance(values, list) or not all(type(value) is int for value in values):
        raise ValueError(f"{where}: expected '{name}' to be a list of whole numbers")
    if not values:
        raise ValueError(f"{where}: expected graphs in '{name}', got none")
    beyond = [value for value in (min(values), max(values)) if abs(value) >= 2**63]
    if beyond:  # No tensor can hold it.
        raise ValueError(f"{where}: expected numbers of graphs in '{name}', got {beyond[0]}"[:300])
    return torch.tensor(values, dtype=torch.long)


def _classes(labels: Tensor | Sequence[int]) -> np.ndarray:
    classes = np.asarray(labels)
    if classes.ndim != 1:
        raise ValueError(f"labels: expected one class a graph, got shape {classes.shape}")
    if len(classes) < NUM_FOLDS:
        raise ValueError(f"labels: expected {NUM_FOLDS} graphs or more, got {len(classes)}")
    small = small_classes(classes)
    if small:
        shown = ", ".join(f"{count} of class {label}" for label, count in list(small.items())[:5])
        warnings.warn(
            f"{len(small)} classes have fewer than {NUM_FOLDS} graphs and are not in every fold: "
            f"{shown}{', …' if len(small) > 5 else ''}",
            stacklevel=3,
        )
    return classes


def _outer_parts(classes: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    if small_classes(classes):
        part = _spread(classes, seed)
        return [
            (np.flatnonzero(part != fold), np.flatnonzero(part == fold))
            for fold in range(NUM_FOLDS)
        ]
    splitter = StratifiedKFold(NUM_FOLDS, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(classes)), classes))


def _hold_out(rest: np.ndarray, classes: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a training part and a tenth held out of it."""
    values, counts = np.unique(classes, return_counts=True)
    if counts.min() >= NUM_FOLDS - 1 and math.ceil(HOLD_OUT * len(rest)) >= len(values):
        train, validation = train_test_split(
            rest, test_size=HOLD_OUT, stratify=classes, random_state=seed
        )
        return train, validation
    # scikit-learn refuses classes of one graph, and more classes than graphs held out.
    part = _spread(classes, seed)
    return rest[part != 0], rest[part == 0]


def _spread(classes: np.ndarray, seed: int) -> np.ndarray:
    """Return the number of each graph's part, so that no part has 2 more of a class than another.

    Graphs are dealt out class by class, in an order drawn inside each; parts differ by at most one
    graph in size, too.
    """
    order = np.random.RandomState(seed).permutation(len(classes))
    order = order[np.argsort(classes[order], kind="stable")]
    part = np.empty(len(classes), dtype=np.int64)
    part[order] = np.arange(len(classes)) % NUM_FOLDS
    return part


def _fold(train: Any, validation: Any, test: Any) -> Fold:
    parts = (torch.as_tensor(part, dtype=torch.long) for part in (train, validation, test))
    return Fold(*(part.sort().values for part in parts))
