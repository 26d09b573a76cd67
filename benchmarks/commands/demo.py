"""``python -m benchmarks demo``: DiffPool and a flat network on a generated data set."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from torch_geometric.data import Batch

from benchmarks.commands.demo_picture import cluster_hues, draw_clusters
from benchmarks.data.task import Multiclass
from benchmarks.records.output_path import check_folder
from benchmarks.records.plain_console import PlainConsole
from benchmarks.spec.settings import Settings
from benchmarks.training.classifier import evaluate, train
from pyg_diffpool import DiffPoolNet, ResidentLoader
from pyg_diffpool.datasets import CommunityChains

HIDDEN_CHANNELS = 24
MAX_CLUSTERS = 16
VALIDATION_SHARE, TEST_SHARE = 0.1, 0.25
DIFFPOOL = "DiffPool"
FLAT = {f"GraphSAGE, {readout} readout": readout for readout in ("mean", "max", "sum")}
NETWORKS = (*FLAT, DIFFPOOL)


class Trained(NamedTuple):
    """A network after training."""

    network: DiffPoolNet
    accuracy: float
    parameters: int
    seconds: float


def make_network(name: str, in_channels: int, out_channels: int) -> DiffPoolNet:
    """Build DiffPool, or a flat GraphSAGE with as many layers and at least as many parameters."""
    if name == DIFFPOOL:
        return DiffPoolNet(
            in_channels,
            HIDDEN_CHANNELS,
            out_channels,
            max_clusters=[MAX_CLUSTERS],
            num_layers=1,
            num_layers_after=1,
            # The paper's: a last assignment of ones. A maximum hides which clusters are to learn.
            readout="sum",
            readout_levels="last",
            link_weight=5.0,
            entropy_weight=0.1,
        )
    size = _count(make_network(DIFFPOOL, in_channels, out_channels))
    width = HIDDEN_CHANNELS
    while True:
        flat = DiffPoolNet(
            in_channels,
            width,
            out_channels,
            max_clusters=[],
            num_layers=2,
            readout=FLAT[name],
        )
        if _count(flat) >= size:
            return flat
        width += 1


def demo(
    out: Annotated[Path, typer.Option(help="Folder of the picture.", metavar="DIR")] = Path(
        "runs/demo"
    ),
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="First of the seeds.")] = 0,
    seeds: Annotated[
        int, typer.Option(min=1, max=1000, help="Number of seeds to average over.")
    ] = 3,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs, the same for all networks.")] = 20,
    graphs: Annotated[int, typer.Option(min=40, max=100_000, help="Number of graphs.")] = 1500,
) -> None:
    """Train a flat GraphSAGE and DiffPool on CommunityChains; print accuracies, draw clusters.

    No neighbourhood that a flat network of this depth sees tells the class; pooled communities do.
    """
    check_folder("--out", out)
    # Batches this small give a second thread little, and threads that wait for each other on a
    # busy machine make a training many times longer.
    torch.set_num_threads(1)
    console = PlainConsole()
    found: dict[str, list[Trained]] = {name: [] for name in NETWORKS}
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        for number in range(seed, seed + seeds):
            dataset = CommunityChains(graphs, seed=number)
            for name in NETWORKS:
                task = progress.add_task(f"{name}, seed {number}", total=epochs)
                found[name].append(_train(name, dataset, number, epochs, progress, task))
    console.print(_table(found, dataset, graphs, epochs, range(seed, seed + seeds)))
    gap = _mean(found[DIFFPOOL]) - max(_mean(found[name]) for name in FLAT)
    console.print(f"DiffPool leads the best flat network by {gap:.1f} points.")
    path = out / "clusters.png"
    _draw(found[DIFFPOOL][-1].network, dataset, path)
    console.print(f"Learned clusters of three test graphs: {path}", soft_wrap=True, markup=False)


class _CountedEpochs:
    """Passes batches on and moves a progress bar after each pass over them."""

    def __init__(self, loader: ResidentLoader, progress: Progress, task: Any):
        self.loader, self.progress, self.task = loader, progress, task

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        yield from self.loader
        self.progress.advance(self.task)


def _train(
    name: str, dataset: CommunityChains, seed: int, epochs: int, progress: Progress, task: Any
) -> Trained:
    settings = Settings(epochs=epochs, learning_rate=1e-2, batch_size=40, schedule="cosine")
    train_part, validation_part, test_part = _parts(len(dataset))
    task = Multiclass(dataset.num_classes)
    torch.manual_seed(seed)
    network = make_network(name, dataset.num_features, dataset.num_classes)
    batches = ResidentLoader(
        dataset,
        settings.batch_size,
        shuffle=True,
        index=train_part,
        generator=torch.Generator().manual_seed(seed),
    )
    validation = ResidentLoader(dataset, 100, index=validation_part)
    started = time.perf_counter()
    train(
        network,
        _CountedEpochs(batches, progress, task),
        validation,
        settings,
        task,
        early_stopping=False,
    )
    seconds = time.perf_counter() - started
    accuracy = evaluate(network, ResidentLoader(dataset, 100, index=test_part), task)
    return Trained(network, accuracy, _count(network), seconds)


def _parts(num_graphs: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cut the graphs, which come in random order, into train, validation and test parts."""
    test, validation = int(TEST_SHARE * num_graphs), int(VALIDATION_SHARE * num_graphs)
    sizes = [num_graphs - test - validation, validation, test]
    train_part, validation_part, test_part = torch.arange(num_graphs).split(sizes)
    return train_part, validation_part, test_part


def _draw(network: DiffPoolNet, dataset: CommunityChains, path: Path) -> None:
    """Draw the first test graph of each class."""
    chosen = [dataset[int(number)] for number in _parts(len(dataset))[2]]
    first = {int(data.y): data for data in reversed(chosen)}
    draw_clusters(network, [first[y] for y in sorted(first)], cluster_hues(network, chosen), path)


def _table(
    found: dict[str, list[Trained]],
    dataset: CommunityChains,
    graphs: int,
    epochs: int,
    seeds: range,
) -> Table:
    sizes = [len(part) for part in _parts(graphs)]
    nodes = dataset._data.num_nodes / graphs
    table = Table(
        title=(
            f"CommunityChains: {sizes[0]} training, {sizes[1]} validation and {sizes[2]} test "
            f"graphs of about {nodes:.0f} nodes, 3 classes (chance: 33.3 %)\n"
            f"{epochs} epochs, two layers each, seeds {', '.join(map(str, seeds))}; "
            "epoch chosen on the validation graphs"
        ),
        title_justify="left",
    )
    table.add_column("network")
    for column in ("test accuracy, %", "each seed", "parameters", "seconds a training"):
        table.add_column(column, justify="right")
    for name, runs in found.items():
        each = " ".join(f"{100 * run.accuracy:.1f}" for run in runs)
        seconds = statistics.mean(run.seconds for run in runs)
        table.add_row(name, f"{_mean(runs):.1f}", each, f"{runs[0].parameters:,}", f"{seconds:.0f}")
    return table


def _mean(runs: list[Trained]) -> float:
    return 100 * statistics.mean(run.accuracy for run in runs)


def _count(network: DiffPoolNet) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
