"""A cell of a network: one training of one configuration on one fold with one seed."""

import time
from pathlib import Path

import torch
from torch import Tensor, distributed, nn
from torch_geometric.data import InMemoryDataset

from benchmarks.data.source import Source
from benchmarks.data.splits import Fold
from benchmarks.data.task import Task
from benchmarks.methods import build_network
from benchmarks.spec.cell import Cell, CellResult
from benchmarks.spec.settings import Settings
from benchmarks.training.classifier import (
    Callback,
    TrainingResult,
    evaluate,
    seed_everything,
    train,
)
from benchmarks.training.collective import num_ranks
from benchmarks.training.level_figures import LARGEST_DRAWN
from benchmarks.training.network_capacity import cluster_numbers
from benchmarks.training.prepared import PreparedLoader, prepared_graphs
from pyg_diffpool.loader import ResidentLoader

_SIGNIFICANT_DIGITS = 6

Loader = ResidentLoader | PreparedLoader


def run_network_cell(cell: Cell, source: Source, log: Path | None = None) -> CellResult:
    """Train and evaluate a cell.

    Under ``fair`` the epoch is chosen on the fold's validation graphs and its weights meet the
    test graphs once; the validation scores recorded are those that the choice went by, means over
    ``validation_window`` epochs. Under ``reference`` there is no test set: every epoch is run and
    the validation curve is the result.

    Args:
        cell: What to run.
        source: Its data set.
        log: Folder of TensorBoard's event files. (default: none are written)
    """
    start = time.perf_counter()
    settings = cell.settings
    fold = source.folds(cell.protocol, cell.splits)[cell.fold]
    seed_everything(1000 * cell.seed + cell.fold, verbose=False)
    x = source.features(fold.train, settings)
    clusters = cluster_numbers(source.sizes[fold.train], settings)
    problem = source.problem(0 if x is None else x.size(1), clusters, fold.train)
    model = build_network(cell.method, settings, problem)
    device = _device(settings)
    prepared = prepared_graphs(source, cell.method, settings)
    loaders = _loaders(source.graphs, x, fold, settings, device, prepared)
    if num_ranks() > 1:
        # The network and the order of graphs are the same for all; what is dropped is not.
        torch.manual_seed(torch.initial_seed() + distributed.get_rank())
    task = source.task
    result = _train(cell, model, loaders, task, log, fold.validation, source.sizes)
    test_score = None
    if len(fold.test) > 0:
        test_score = evaluate(model.to(device), loaders["test"], task, settings.precision)
    validation = f"validation_{task.metric}"
    record = {
        **cell.as_record(),
        "best_epoch": result.best_epoch,
        "epochs": len(result.curves[validation]),
        "metric": task.metric,
        validation: result.chosen_by(validation),
        "validation_loss": result.chosen_by("validation_loss"),
        f"test_{task.metric}": test_score,
        "graphs": {part: len(index) for part, index in fold._asdict().items()},
        "features": problem.num_features,
        "clusters": problem.clusters,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seconds": round(time.perf_counter() - start, 1),
        "curves": {
            name: [_rounded(value) for value in values] for name, values in result.curves.items()
        },
    }
    if settings.compile != "off":
        record["compiled"] = result.compiled
    checkpoint = {
        "state_dict": result.state_dict,
        "settings": settings.as_dict(),
        "method": cell.method,
        **problem.as_record(),
        "epoch": result.best_epoch,
    }
    return CellResult(record, checkpoint)


def _train(
    cell: Cell,
    model: nn.Module,
    loaders: dict[str, Loader],
    task: Task,
    log: Path | None,
    validation: Tensor,
    sizes: Tensor,
) -> TrainingResult:
    """Train, and write event files if there is a folder for them."""

    def run(*callbacks: Callback) -> TrainingResult:
        return train(
            model,
            loaders["train"],
            loaders["validation"],
            cell.settings,
            task,
            early_stopping=cell.protocol == "fair",
            callbacks=callbacks,
        )

    if log is None:
        return run()
    # Its pictures need packages that training does not.
    from benchmarks.training.tensorboard_log import TensorBoardLog

    graph = next(iter(loaders["validation"].subset(_shown(validation, sizes))), None)
    with TensorBoardLog(log, {**cell.as_record(), **cell.settings.as_dict()}, graph) as events:
        result = run(events)
        events.finish(model, result, task.metric)
    return result


def _shown(validation: Tensor, sizes: Tensor) -> Tensor:
    """Return the number of the validation graph to draw: the middle one by size, or none."""
    small = validation[sizes[validation] <= LARGEST_DRAWN]
    order = small[sizes[small].argsort(stable=True)]
    return order[order.numel() // 2 :][:1]


def _device(settings: Settings) -> torch.device:
    """Return where the graphs stay, which is where Lightning puts the network."""
    on_gpu = settings.accelerator != "cpu" and torch.cuda.is_available()
    rank = distributed.get_rank() if num_ranks() > 1 else 0
    return torch.device("cuda", rank) if on_gpu else torch.device("cpu")


def _loaders(
    dataset: InMemoryDataset,
    x: Tensor | None,
    fold: Fold,
    settings: Settings,
    device: torch.device,
    prepared: list[dict[str, Tensor]] | None,
) -> dict[str, Loader]:
    """Return one loader a part of the fold; they share the concatenated graphs.

    Several processes have their part of each batch; the test graphs meet the weights in each.
    """
    generator = torch.Generator().manual_seed(torch.initial_seed())
    graphs = ResidentLoader(
        dataset, settings.batch_size, x=x, device=device, generator=generator, shard="batch"
    )
    loaders: dict[str, Loader] = {}
    for part, index in fold._asdict().items():
        loader = graphs.subset(index, shuffle=part == "train")
        if part != "train":
            loader.batch_size = settings.eval_batch_size
        if part == "test" or num_ranks() == 1:
            loader.shard = False
        loaders[part] = loader if prepared is None else PreparedLoader(loader, prepared)
    return loaders


def _rounded(value: float) -> float:
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
