"""Trains one network on one fold with Lightning and keeps its curves and its best epoch."""

import math
import os
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from benchmarks.data.task import SummedLoss, Task
from benchmarks.spec.errors import DivergedError
from benchmarks.spec.settings import Settings
from benchmarks.training.collective import (
    average_statistics,
    everyones,
    from_first,
    is_placeholder,
    num_ranks,
    share_of,
    summed,
)
from benchmarks.training.compiled import is_compiled
from benchmarks.training.effective_clusters import (
    assigned_rows,
    effective_clusters,
    effective_sparse_clusters,
)
from benchmarks.training.forward import Forward
from benchmarks.training.memory_checkpoint import MemoryCheckpointIO
from benchmarks.training.trainer import make_trainer
from benchmarks.training.weight_average import WeightAverage
from pyg_diffpool import PooledGraph, SparsePooledGraph

try:
    import lightning.pytorch as lightning
    from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
    from lightning.pytorch.loggers import TensorBoardLogger
except ModuleNotFoundError:  # The same package under its older name.
    import pytorch_lightning as lightning
    from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
    from pytorch_lightning.loggers import TensorBoardLogger

__all__ = [
    "Callback",
    "GraphClassifier",
    "TensorBoardLogger",
    "TrainingResult",
    "evaluate",
    "latest_mean",
    "score",
    "seed_everything",
    "train",
]

seed_everything = lightning.seed_everything

TIE_BREAK = 1e-4
"""Weight of the loss in an epoch's score: below an accuracy's step 1/n on any data set here."""


@dataclass(frozen=True)
class TrainingResult:
    """What a training leaves: curves by epoch, the best epoch (from 1) and its weights.

    ``validation_window`` is the number of epochs over which the validation was averaged to choose,
    ``compiled`` whether the network ran compiled.
    """

    curves: dict[str, list[float]]
    best_epoch: int
    state_dict: dict[str, Tensor]
    validation_window: int = 1
    compiled: bool = False

    def chosen_by(self, curve: str) -> float:
        """Return a validation curve's value at the best epoch, as the choice saw it."""
        return latest_mean(self.curves[curve][: self.best_epoch], self.validation_window)


class GraphClassifier(lightning.LightningModule):
    """A task's loss plus a network's side objectives; one value a curve and epoch.

    Compiled or not, it validates in eager mode: to compile that too would cost more than it saves.
    """

    def __init__(
        self, model: nn.Module, settings: Settings, task: Task, compiled: bool = False
    ) -> None:
        super().__init__()
        self.model = model
        self.settings = settings
        self.task = task
        self.curves: dict[str, list[float]] = defaultdict(list)
        self._predict = Forward(model)
        self._train = Forward(model, compiled)
        self._train_sums: dict[str, Tensor] = {}
        self._num_train_graphs: int | Tensor = 0
        self._num_ranks = num_ranks()
        self._losses: list[SummedLoss] = []
        self._answers: list[tuple[Tensor, Tensor]] = []
        self._effective: dict[int, list[Tensor]] = {}

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of a batch and add its terms to the epoch's sums."""
        prediction = self._train(batch)
        loss = self.task.loss(prediction.logits, batch.y, self.settings.label_smoothing)
        terms, graphs = prediction.terms, batch.num_graphs
        auxiliary_loss = prediction.auxiliary_loss
        if self._num_ranks > 1:
            # Of means over the whole batch this is the process's part.
            share = share_of(batch, self.task)
            loss, graphs = share.of_labels * loss, share.graphs
            terms = {name: share.of_graphs * value for name, value in terms.items()}
            if auxiliary_loss is not None:
                auxiliary_loss = share.of_graphs * auxiliary_loss
        terms = {"train_cross_entropy": loss.detach(), **terms}
        if auxiliary_loss is not None:
            loss = loss + auxiliary_loss
        terms["train_loss"] = loss.detach()
        for name, value in terms.items():
            weighted = value.float() * graphs
            sums = self._train_sums
            sums[name] = sums[name] + weighted if name in sums else weighted
        self._num_train_graphs += graphs
        # Gradients become the mean over processes; the batch's is their sum.
        return loss if self._num_ranks == 1 else self._num_ranks * loss

    def on_train_epoch_start(self) -> None:
        """Start the epoch's sums."""
        self._train_sums, self._num_train_graphs = {}, 0

    def on_validation_epoch_start(self) -> None:
        """Start the validation's sums; this comes after the epoch's last training step."""
        for name, total in summed(self._train_sums).items():
            self.curves[name].append(float(total) / float(self._num_train_graphs))
        average_statistics(self.model)
        loss = self.curves["train_loss"][-1] if self._train_sums else 0.0
        if not math.isfinite(loss):
            raise DivergedError(f"the training loss is {loss} in epoch {self.current_epoch + 1}")
        self._losses, self._answers, self._effective = [], [], defaultdict(list)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add a batch to the validation's outputs and losses."""
        if is_placeholder(batch):
            return
        logits, *_, levels = self._predict(batch)
        self._answers.append((logits, batch.y))
        self._losses.append(self.task.summed_loss(logits, batch.y))
        pooled = [level for level in levels if isinstance(level, PooledGraph)]
        for number, rows in enumerate(assigned_rows(pooled, batch.batch)):
            self._effective[number].append(effective_clusters(*rows, batch.num_graphs))
        for number, level in enumerate(levels):
            if isinstance(level, SparsePooledGraph):
                self._effective[number].append(effective_sparse_clusters(level.assignment))

    def on_validation_epoch_end(self) -> None:
        """Close the epoch's validation and log the score that choice of epoch goes by."""
        answers, all_losses = everyones(self._answers), everyones(self._losses)
        # In float32, as Lightning logs and compares it: the curve holds what the choice went by.
        metric = float(torch.tensor(_scored(self.task, answers)))
        losses = SummedLoss(*map(torch.stack, zip(*all_losses, strict=True)))
        loss = float(losses.total.sum()) / max(1, int(losses.entries.sum()))
        if not math.isfinite(loss):
            raise DivergedError(f"the validation loss is {loss} in epoch {self.current_epoch + 1}")
        self.curves[f"validation_{self.task.metric}"].append(metric)
        self.curves["validation_loss"].append(loss)
        effective: dict[int, list[Tensor]] = defaultdict(list)
        for number, values in everyones(list(self._effective.items())):
            effective[number] += values
        for number, values in effective.items():
            mean = float(torch.cat(values).nanmean())
            self.curves[f"effective_clusters_{number}"].append(mean)
        seen = (self.curves[f"validation_{name}"] for name in (self.task.metric, "loss"))
        means = (latest_mean(values, self.settings.validation_window) for values in seen)
        self.log("score", score(*means, self.settings))

    def configure_optimizers(self) -> Any:
        """Return Adam and the schedule of the learning rate."""
        settings = self.settings
        optimizer = torch.optim.Adam(
            self.model.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            # One kernel instead of nine for each of some eighty small tensors. Under mixed
            # precision Lightning clips no gradients of an optimiser that unscales them itself.
            fused="mixed" not in settings.precision,
        )
        if settings.schedule == "constant":
            return optimizer
        scheduler: Any
        if settings.schedule == "cosine":
            scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs)
        else:
            scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimizer, mode="max", threshold=0.0, patience=max(1, settings.patience // 4)
            )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "monitor": "score"},
        }

    def transfer_batch_to_device(self, batch: Batch, device: Any, dataloader_idx: int) -> Batch:
        """Leave a batch that is there already: PyG's copy of every tensor costs each step."""
        return batch if batch.batch.device == device else batch.to(device)


def score(metric: float, loss: float, settings: Settings) -> float:
    """Return the value that the best epoch maximises.

    Accuracy on a few dozen graphs ties often; the lower cross-entropy then decides, since the
    first of tied epochs is the least trained one. ``monitor="accuracy"`` is any task's metric.
    """
    if settings.monitor == "loss":
        return -loss
    return metric - TIE_BREAK * loss / (1 + loss)


def latest_mean(values: Sequence[float], window: int) -> float:
    """Return the mean of the last values, of so many or of as many as there are."""
    latest = values[-window:]
    return sum(latest) / len(latest)


def train(
    model: nn.Module,
    train_loader: Iterable[Batch],
    validation_loader: Iterable[Batch],
    settings: Settings,
    task: Task,
    *,
    early_stopping: bool = True,
    callbacks: Sequence[Callback] = (),
) -> TrainingResult:
    """Train a network in place.

    Args:
        model: The network, as :class:`benchmarks.training.forward.Forward` calls it.
        train_loader: Batches of the training graphs, reshuffled at each pass.
        validation_loader: Batches of the validation graphs.
        settings: Optimiser, epochs and selection.
        task: What the network is trained for and scored by.
        early_stopping: Stop after ``settings.patience`` epochs without a better score; without it
            every epoch is run. (default: :obj:`True`)
        callbacks: Lightning's callbacks besides, which look on. (default: none)
    """
    compiled = is_compiled(model, settings, settings.epochs * len(train_loader))
    module = GraphClassifier(model, settings, task, compiled)
    memory = MemoryCheckpointIO()
    # ModelCheckpoint insists on a folder; nothing is written there.
    best = ModelCheckpoint(
        dirpath=os.path.join(tempfile.gettempdir(), f"pyg_diffpool-unwritten-{os.getpid()}"),
        filename="{epoch}",
        monitor="score",
        mode="max",
        save_top_k=1,
        save_weights_only=True,
    )
    averages: list[Callback] = []
    if settings.ema_decay is not None:
        averages.append(WeightAverage(settings.ema_decay, train_loader))
    chosen: list[Callback] = [*averages, best, *callbacks]
    if early_stopping:
        chosen.append(EarlyStopping("score", mode="max", patience=settings.patience))
    trainer = make_trainer(settings, chosen, memory)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            trainer.fit(module, train_loader, validation_loader)
        except SystemExit as stopped:
            # Lightning turns an interrupt into an exit; the runner is to see the interrupt.
            raise KeyboardInterrupt from stopped
    # The first process alone saves.
    checkpoint = from_first(memory.saved.get(best.best_model_path))
    assert checkpoint is not None
    prefix = "model."
    weights = {
        key.removeprefix(prefix): value.cpu()
        for key, value in checkpoint["state_dict"].items()
        if key.startswith(prefix)
    }
    model.load_state_dict(weights)
    return TrainingResult(
        dict(module.curves),
        int(checkpoint["epoch"]) + 1,
        weights,
        settings.validation_window,
        compiled,
    )


@torch.no_grad()
def evaluate(
    model: nn.Module, loader: Iterable[Batch], task: Task, precision: str = "32-true"
) -> float:
    """Return the task's metric of a network, in evaluation mode, over a loader's graphs.

    Args:
        model: The network.
        loader: Batches of the graphs.
        task: What it is scored by.
        precision: That of its training, in which it is evaluated too. (default: ``"32-true"``)

    Raises:
        DivergedError: If an output is not finite.
    """
    model.eval()
    predict = Forward(model)
    answers = []
    for batch in loader:
        device = batch.edge_index.device.type
        half = torch.float16 if precision == "16-mixed" else torch.bfloat16
        with torch.autocast(device, half, enabled="mixed" in precision):
            answers.append((predict(batch).logits, batch.y))
    return _scored(task, answers)


def _scored(task: Task, answers: list[tuple[Tensor, Tensor]]) -> float:
    """Return the metric over several batches' outputs and targets."""
    outputs, targets = (torch.cat(parts) for parts in zip(*answers, strict=True))
    if not bool(outputs.isfinite().all()):
        graph = int((~outputs.isfinite()).flatten(1).any(1).nonzero()[0])
        raise DivergedError(f"the network's output is not finite for graph {graph} of its part")
    return task.score(outputs, targets)
