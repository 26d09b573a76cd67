"""A cell of a kernel method: an SVM on a Gram matrix, chosen inside the training part."""

import time
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from benchmarks.data.source import Source
from benchmarks.kernels.capacity import refuse_above_memory
from benchmarks.kernels.graphs import LabelledGraphs, labelled_graphs
from benchmarks.kernels.nested_cv import INNER_FOLDS, PENALTIES, choose, fit
from benchmarks.methods import load_kernel
from benchmarks.spec.cell import Cell, CellResult
from benchmarks.training.gram_cache import are_cached, cached_grams


def run_kernel_cell(cell: Cell, source: Source) -> CellResult:
    """Choose, fit and evaluate a kernel SVM on one fold.

    A kernel needs no hold-out for its epochs: under ``fair`` the fold's training and validation
    graphs are the training part, as the inner 10-fold cross-validation replaces the hold-out. Under
    ``reference`` the same nested cross-validation runs over all folds; ``validation_accuracy`` is
    the inner one under both, and the accuracy on the held fold is the curve's one point, from which
    the table takes it. A record's ``seconds`` are without those of the Gram matrices.

    Args:
        cell: What to run.
        source: Its data set.
    """
    start = time.perf_counter()
    grams = cached_grams(cell.method, graphs_of(source))
    fold = source.folds(cell.protocol, cell.splits)[cell.fold]
    fair = cell.protocol == "fair"
    parts = [fold.train, fold.validation] if fair else [fold.train]
    train = torch.cat(parts).sort().values.numpy()
    held = (fold.test if fair else fold.validation).numpy()
    labels = source.targets.numpy()
    choice = choose(grams, labels, train, 1000 * cell.seed + cell.fold)
    machine = fit(grams, labels, train, choice)
    accuracy = float(machine.score(grams[choice.matrix][np.ix_(held, train)], labels[held]))
    iterations = load_kernel(cell.method).ITERATIONS
    chosen = {
        "C": choice.penalty,
        "iterations": iterations[choice.matrix] if iterations else None,
    }
    record = {
        **cell.as_record(),
        "best_epoch": 1,
        "epochs": 1,
        "validation_accuracy": choice.accuracy,
        "validation_loss": 1 - choice.accuracy,
        "test_accuracy": accuracy if fair else None,
        "chosen": chosen,
        "inner_accuracies": choice.accuracies.round(4).tolist(),
        "graphs": {part: len(index) for part, index in fold._asdict().items()},
        "seconds": round(time.perf_counter() - start, 1),
        "curves": {"validation_accuracy": [choice.accuracy if fair else accuracy]},
    }
    checkpoint = {
        "method": cell.method,
        "chosen": chosen,
        "support": torch.from_numpy(train[machine.support_]),
        "support_of_class": torch.from_numpy(machine.n_support_),
        "dual_coefficients": torch.from_numpy(machine.dual_coef_),
        "intercept": torch.from_numpy(machine.intercept_),
    }
    return CellResult(record, checkpoint)


def kernel_identity(method: str) -> dict[str, Any]:
    """Return what decides a kernel's results besides the data and the folds."""
    return {
        "iterations": list(load_kernel(method).ITERATIONS),
        "C": list(PENALTIES),
        "inner_folds": INNER_FOLDS,
    }


def check_memory(source: Source, method: str, jobs: int = 1) -> None:
    """Raise a :class:`UsageError` if Gram matrices or SVMs would not fit in memory."""
    graphs = graphs_of(source)
    cached = are_cached(method, graphs)
    cost = load_kernel(method).cost(graphs)
    refuse_above_memory(source.name, method, graphs, cost, cached=cached, jobs=jobs)


def prepare_grams(source: Source, method: str, jobs: int, console: Console) -> None:
    """Compute the Gram matrices that are not on disk, with progress, before any worker starts."""
    graphs = graphs_of(source)
    if are_cached(method, graphs):
        return
    seconds = load_kernel(method).cost(graphs).seconds
    console.print(f"Gram matrices of {method}: about {seconds:.0f} s in one process")
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task(method, total=None)

        def report(what: str, done: int, total: int) -> None:
            progress.update(task, description=f"{method}: {what}", completed=done, total=total)

        cached_grams(method, graphs, jobs, report)


@lru_cache(maxsize=1)
def graphs_of(source: Source) -> LabelledGraphs:
    """Return a data set as labelled graphs, made once a process."""
    return labelled_graphs(source.graphs)
