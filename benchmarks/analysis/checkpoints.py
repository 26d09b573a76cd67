"""Stored runs brought back: the networks of the chosen configurations and the graphs they meet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from benchmarks.dataset import cached_dataset, features_of, folds_of, graph_sizes
from benchmarks.errors import UsageError, unknown_name
from benchmarks.methods import build_network
from benchmarks.prepared import PreparedLoader, prepared_graphs
from benchmarks.problem import Problem
from benchmarks.provenance import dataset_digest, file_digest
from benchmarks.settings import from_record
from benchmarks.store import RunStore, stored_runs
from benchmarks.table import FoldAccuracies, run_accuracies
from pyg_diffpool.loader import ResidentLoader


class StoredRun(NamedTuple):
    """A run with its finished cells and the accuracies that the table takes from them."""

    store: RunStore
    run: dict[str, Any]
    cells: list[dict[str, Any]]
    folds: FoldAccuracies

    @property
    def part(self) -> str:
        """The graphs of a fold that training did not see."""
        return "test" if self.run["protocol"] == "fair" else "validation"

    @property
    def clusters(self) -> list[list[int]]:
        """Numbers of clusters of each pooling, for each fold that counts."""
        chosen = [cell for cell in self.cells if _counts(self.folds, cell)]
        return [cell.get("clusters", []) for cell in chosen]


class Trained(NamedTuple):
    """A cell's network with its best weights, and the graphs of the fold that it has not seen."""

    cell: dict[str, Any]
    network: nn.Module
    loader: ResidentLoader | PreparedLoader


def read_run(results: Path, run_id: str) -> StoredRun:
    """Return a stored run.

    Raises:
        UsageError: If there is none of this id.
    """
    store = RunStore(results, run_id)
    run = store.read_run()
    if run is None:
        raise unknown_name("run", run_id, [found.run_id for found, _ in stored_runs(results)])
    cells = store.cells()
    return StoredRun(store, run, cells, run_accuracies(run, cells))


def trained_networks(stored: StoredRun, splits: Path | None) -> Iterator[Trained]:
    """Yield the networks of the chosen configurations, fold by fold.

    Args:
        stored: The run.
        splits: File of the published folds on which it was trained, or None for own ones.

    Raises:
        UsageError: If checkpoints are missing, or the data are not those of the run.
    """
    run = stored.run
    chosen = [cell for cell in stored.cells if _counts(stored.folds, cell)]
    paths = {_number(cell): stored.store.checkpoint_path(*_number(cell)) for cell in chosen}
    if not paths or not all(path.exists() for path in paths.values()):
        raise UsageError(_how_to_make(stored, splits))
    dataset = cached_dataset(run["dataset"])
    if dataset_digest(dataset) != run["data"]:
        raise UsageError(f"run {run['run']}: was trained on other data of {run['dataset']}")
    folds = folds_of(run["dataset"], run["protocol"], None if splits is None else str(splits))
    for cell in chosen:
        checkpoint = torch.load(paths[_number(cell)], map_location="cpu")
        settings = from_record(checkpoint["settings"])
        fold = folds[cell["fold"]]
        problem = Problem.from_record(checkpoint)
        if problem.train_sizes.numel() == 0:
            problem = problem._replace(train_sizes=graph_sizes(dataset)[fold.train])
        network = build_network(checkpoint["method"], settings, problem)
        network.load_state_dict(checkpoint["state_dict"])
        x = features_of(dataset, fold.train, settings)
        seen_by_none = getattr(fold, stored.part)
        loader = ResidentLoader(dataset, settings.eval_batch_size, x=x, index=seen_by_none)
        prepared = prepared_graphs(dataset, checkpoint["method"], settings)
        yield Trained(
            cell,
            network.eval(),
            loader if prepared is None else PreparedLoader(loader, prepared),
        )


def splits_of(run: dict[str, Any], folder: Path | None) -> Path | None:
    """Return the file of the folds on which a run was trained, or None where they are our own.

    Args:
        run: The run's description.
        folder: Folder to look in, with all below it.

    Raises:
        UsageError: If the file is not there.
    """
    digest = run["splits"].get("sha256")
    if digest is None:
        return None
    found = sorted(folder.rglob(run["splits"]["file"])) if folder is not None else []
    for path in found:
        if file_digest(path) == digest:
            return path
    raise UsageError(
        f"run {run['run']}: was trained on the folds of {run['splits']['file']} (SHA-256 "
        f"{digest[:8]}…), which is not in {folder or 'any folder given'}; see --splits"
    )


def _counts(folds: FoldAccuracies, cell: dict[str, Any]) -> bool:
    """Tell whether a cell's accuracy is part of the run's."""
    chosen = folds.selected.get(cell["fold"])
    return chosen == cell["configuration"] and cell["seed"] in folds.seeds


def _number(cell: dict[str, Any]) -> tuple[int, int, int]:
    return cell["configuration"], cell["fold"], cell["seed"]


def _how_to_make(stored: StoredRun, splits: Path | None) -> str:
    run = stored.run
    command = (
        f"python -m benchmarks run --dataset {run['dataset']} --method {run['method']} "
        f"--protocol {run['protocol']}"
    )
    if splits is not None:
        command += f" --splits {splits}"
    return (
        f"run {run['run']}: needs the checkpoint of every chosen cell in its folder checkpoints, "
        "which git leaves out; make them anew in another folder of results, then name that one: "
        f"`{command} --out DIR`, `python -m benchmarks analyse {run['run']} --results DIR`"
    )
