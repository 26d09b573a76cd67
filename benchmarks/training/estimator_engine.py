"""The engine of estimators: a scikit-learn pipeline a cell, on numbers that describe each graph."""

import time
import warnings
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from sklearn.model_selection import StratifiedKFold

from benchmarks.data.source import Source
from benchmarks.data.splits import Fold
from benchmarks.kernels.graphs import IntArray
from benchmarks.methods import Estimator, load_estimator
from benchmarks.spec.cell import Cell, CellResult
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import Settings

INNER_PARTS = 10
"""Of which one is the hold-out, where the protocol has none."""


def check_source(source: Source, method: str) -> None:
    """Refuse data without one class a graph."""
    if not source.PLAIN:
        raise UsageError(
            f"--method {method}: it takes TU data, one class a graph; for {source.name} expected a "
            "network"
        )


def check(source: Source, method: str, configurations: Sequence[Settings]) -> None:
    """Refuse nothing more: an estimator takes less than any network."""


def identity(method: str) -> dict[str, Any]:
    """Return what is chosen from; none of the networks' settings decides the result."""
    parameters = load_estimator(method).PARAMETERS
    return {"configurations": [{}], "estimator": {key: list(p) for key, p in parameters.items()}}


def prepare(source: Source, cells: Sequence[Cell], jobs: int, console: Console) -> None:
    """Compute nothing: cells share only what is quickly made."""


def run(cell: Cell, source: Source, log: Path | None) -> CellResult:
    """Choose parameters on the hold-out, fit to training and validation graphs, and evaluate.

    Under ``fair`` the hold-out is the fold's validation part. Under ``reference``, where the
    validation part is what is reported, it is a tenth of the training part. Of equal accuracies
    the first parameters are taken. As for kernels, ``validation_accuracy`` is the one on the
    hold-out, and the table takes the accuracy of ``reference`` from the curve's one point.

    Args:
        cell: What to run.
        source: Its data set.
        log: Without a use, since there are no epochs.
    """
    start = time.perf_counter()
    method = load_estimator(cell.method)
    fold = source.folds(cell.protocol, cell.splits)[cell.fold]
    fair = cell.protocol == "fair"
    x = source.features(fold.train, cell.settings)
    assert x is not None
    described = method.describe_graphs(x, source.sizes)
    labels = source.targets.numpy()
    train, inner = _parts(fold, labels, fair, 1000 * cell.seed + cell.fold)
    tried = [
        (_accuracy(method, parameters, described, labels, train, inner), parameters)
        for parameters in _grid(method)
    ]
    accuracy, chosen = max(tried, key=lambda entry: entry[0])
    held = (fold.test if fair else fold.validation).numpy()
    both = np.sort(np.concatenate([train, inner]))
    final = _accuracy(method, chosen, described, labels, both, held)
    record = {
        **cell.as_record(),
        "best_epoch": 1,
        "epochs": 1,
        "validation_accuracy": accuracy,
        "validation_loss": 1 - accuracy,
        "test_accuracy": final if fair else None,
        "chosen": chosen,
        "inner_accuracies": [round(value, 4) for value, _ in tried],
        "graphs": {part: len(index) for part, index in fold._asdict().items()},
        "features": described.shape[1],
        "seconds": round(time.perf_counter() - start, 1),
        "curves": {"validation_accuracy": [accuracy if fair else final]},
    }
    return CellResult(record, {"method": cell.method, "chosen": chosen})


def _parts(fold: Fold, labels: IntArray, fair: bool, seed: int) -> tuple[IntArray, IntArray]:
    """Return the graphs to fit to and those to choose on."""
    train: IntArray = fold.train.numpy()
    if fair:
        return train, fold.validation.numpy()
    splitter = StratifiedKFold(INNER_PARTS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer training graphs than parts is missing from some.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        rest, inner = next(splitter.split(train, labels[train]))
    return train[rest], train[inner]


def _grid(method: Estimator) -> Iterator[dict[str, float]]:
    """Yield all combinations of the parameters, in their order."""
    for values in product(*method.PARAMETERS.values()):
        yield dict(zip(method.PARAMETERS, values, strict=True))


def _accuracy(
    method: Estimator,
    parameters: dict[str, float],
    described: Any,
    labels: IntArray,
    fitted: IntArray,
    met: IntArray,
) -> float:
    """Return the accuracy on some graphs of an estimator fitted to others."""
    pipeline = method.estimator(described.shape[1], **parameters)
    pipeline.fit(described[fitted], labels[fitted])
    return float(pipeline.score(described[met], labels[met]))
