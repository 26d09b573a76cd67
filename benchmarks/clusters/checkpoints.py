"""Stored runs brought back: the networks of the chosen configurations and the graphs they meet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from benchmarks.clusters.remake import FOLDER, remake_command
from benchmarks.data.registry import find_source
from benchmarks.methods import build_network, is_user_class
from benchmarks.methods.parts.user_class import check_source
from benchmarks.records.provenance import file_digest
from benchmarks.records.store import RunStore, stored_runs
from benchmarks.spec.errors import UsageError, unknown_name
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import from_record
from benchmarks.tables.scores import FoldAccuracies, numbers_text, run_accuracies
from benchmarks.training.effective_clusters import padded_levels
from benchmarks.training.forward import Forward, Prediction
from benchmarks.training.prepared import PreparedLoader, prepared_graphs
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
    """A cell's network with its best weights, and the graphs of the fold that it has not seen.

    Attributes:
        cell: The cell's record.
        network: The network, in evaluation mode.
        loader: Batches of the unseen graphs as the network gets them.
        index: Their numbers in the data set, ascending.
    """

    cell: dict[str, Any]
    network: nn.Module
    loader: ResidentLoader | PreparedLoader
    index: Tensor

    def batch(self, graph: int) -> Batch:
        """Return one graph as the network gets it.

        Args:
            graph: Number of the graph in the data set; any, also one that training has seen.
        """
        return next(iter(self.loader.subset(torch.tensor([graph]))))

    @torch.no_grad()
    def predict(self, batch: Batch) -> Prediction:
        """Return the network's logits and levels for a batch, sparse levels padded."""
        prediction = Forward(self.network)(batch)
        return prediction._replace(levels=padded_levels(prediction.levels))


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
    chosen = [cell for cell in stored.cells if _counts(stored.folds, cell)]
    if not chosen:
        raise UsageError(f"run {stored.run['run']}: no fold is finished")
    _check_checkpoints(stored, chosen, splits)
    for cell in chosen:
        yield _trained(stored, cell, splits)


def trained_network(
    stored: StoredRun,
    splits: Path | None,
    fold: int | None = None,
    seed: int | None = None,
    configuration: int | None = None,
) -> Trained:
    """Return the network of one fold; no other checkpoint is needed.

    Args:
        stored: The run.
        splits: File of the published folds on which it was trained, or None for own ones.
        fold: The fold. (default: the first that is finished)
        seed: The seed. (default: the first)
        configuration: The configuration. (default: the one that was chosen)

    Raises:
        UsageError: If the fold is not finished, its checkpoint is missing, or the data are not
            those of the run.
    """
    chosen = [
        cell
        for cell in stored.cells
        if (
            _counts(stored.folds, cell)
            if configuration is None
            else cell["configuration"] == configuration
        )
        and fold in (None, cell["fold"])
        and seed in (None, cell["seed"])
    ]
    if not chosen:
        asked = (("configuration", configuration), ("fold", fold), ("seed", seed))
        wanted = [f"{name} {number}" for name, number in asked if number is not None]
        raise UsageError(
            f"run {stored.run['run']}: expected {' and '.join(wanted) or 'a fold'} to be finished, "
            f"finished are folds {numbers_text(list(stored.folds.accuracy)) or 'none'} with seeds "
            f"{numbers_text(stored.folds.seeds) or 'none'}"
        )
    cell = min(chosen, key=lambda cell: (cell["fold"], cell["seed"]))
    _check_checkpoints(stored, [cell], splits)
    return _trained(stored, cell, splits)


def fold_of_graph(stored: StoredRun, splits: Path | None, graph: int) -> int:
    """Return the finished fold whose training has not seen a graph.

    Raises:
        UsageError: If there is none.
    """
    run = stored.run
    folds = find_source(run["dataset"]).folds(run["protocol"], splits)
    for number in stored.folds.accuracy:
        if bool((getattr(folds[number], stored.part) == graph).any()):
            return number
    raise UsageError(
        f"run {run['run']}: expected a {stored.part} graph of folds "
        f"{numbers_text(list(stored.folds.accuracy))}, got graph {graph}"
    )


def _trained(stored: StoredRun, cell: dict[str, Any], splits: Path | None) -> Trained:
    """Rebuild the network of a cell whose checkpoint is there, and find its fold's graphs."""
    run = stored.run
    source = find_source(run["dataset"])
    if source.digest != run["data"]:
        raise UsageError(f"run {run['run']}: was trained on other data of {run['dataset']}")
    fold = source.folds(run["protocol"], splits)[cell["fold"]]
    path = stored.store.checkpoint_path(*_number(cell))
    try:
        checkpoint = torch.load(path, map_location="cpu")
    except Exception as error:  # Whatever torch.load makes of a damaged file.
        reason = str(error).partition("\n")[0]
        raise UsageError(f"{path}: expected a checkpoint, got {reason}") from error
    settings = from_record(checkpoint["settings"])
    problem = Problem.from_record(checkpoint)
    if problem.train_sizes.numel() == 0:
        problem = problem._replace(train_sizes=source.sizes[fold.train])
    if checkpoint["method"] != run["method"]:
        raise UsageError(
            f"run {run['run']}: expected checkpoints of {run['method']}, got one of "
            f"{checkpoint['method']}"
        )
    if is_user_class(run["method"]):
        check_source(run["run"], run["method"], run.get("source"))
    network = build_network(checkpoint["method"], settings, problem)
    network.load_state_dict(checkpoint["state_dict"])
    x = source.features(fold.train, settings)
    index = getattr(fold, stored.part)
    loader = ResidentLoader(source.graphs, settings.eval_batch_size, x=x, index=index)
    prepared = prepared_graphs(source, checkpoint["method"], settings)
    complete = loader if prepared is None else PreparedLoader(loader, prepared)
    return Trained(cell, network.eval(), complete, index)


def _check_checkpoints(stored: StoredRun, cells: list[dict[str, Any]], splits: Path | None) -> None:
    """Refuse missing checkpoints, and tell how to make them."""
    if all(stored.store.checkpoint_path(*_number(cell)).exists() for cell in cells):
        return
    run = stored.run
    folds, seeds = [cell["fold"] for cell in cells], [cell["seed"] for cell in cells]
    raise UsageError(
        f"run {run['run']}: needs the checkpoints of fold {numbers_text(sorted(set(folds)))} in "
        "its folder checkpoints, which git leaves out. Make them in another folder of results: "
        f"`{remake_command(run, folds, seeds, splits)}`; then give this command "
        f"`--results {FOLDER}` as well"
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
