"""A training as TensorBoard shows it: curves, assignments of one graph, settings."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch_geometric.data import Batch

from benchmarks.methods import kind_of
from benchmarks.records.output_path import check_folder
from benchmarks.spec.errors import UsageError, unknown_name
from benchmarks.training.classifier import (
    Callback,
    GraphClassifier,
    TensorBoardLogger,
    TrainingResult,
)
from benchmarks.training.forward import Forward

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOGGERS = ("none", "tensorboard")
FIGURES_EVERY = 10
"""Epochs from one pair of pictures to the next."""


_PACKAGES = {"tensorboard": "tensorboard", "matplotlib": "benchmark", "networkx": "benchmark"}


def log_folder(
    logger: str, log_dir: Path | None, method: str, results: Path, run_id: str
) -> Path | None:
    """Return the folder of a run's event files, or None where none are asked for.

    Args:
        logger: Name of the logger.
        log_dir: Folder that was named, which then holds one folder a run; the run's own otherwise.
        method: Name of the method.
        results: Folder of results.
        run_id: The run.

    Raises:
        UsageError: If the logger is unknown, the folder is a file, the method trains nothing by
            epochs, or a package is missing.
    """
    if logger not in LOGGERS:
        raise unknown_name("logger", logger, LOGGERS)
    if logger == "none":
        if log_dir is not None:
            raise UsageError("--log-dir: expected --logger tensorboard as well")
        return None
    if log_dir is not None:
        check_folder("--log-dir", log_dir)
    kind = kind_of(method)
    if not kind.has_epochs:
        raise UsageError(
            f"--logger {logger}: {method} is {kind.with_article}, which has no epochs to log"
        )
    for package, extra in _PACKAGES.items():
        if importlib.util.find_spec(package) is None:
            raise UsageError(
                f"--logger {logger}: needs the package {package}: "
                f'pip install "pyg-diffpool[{extra}]"'
            )
    return results / run_id / logger if log_dir is None else log_dir / run_id


class TensorBoardLog(Callback):
    """Writes the event files of one training while it runs, as a context that closes them.

    Every epoch has each curve's value under the curve's own name, counted from 1. Every ten epochs,
    and for the weights of the best epoch, the graph given is drawn, with its hierarchy and its
    assignments. The settings stand under HPARAMS with the best epoch and its scores; scores on test
    graphs are not written.

    Args:
        folder: Where the event files lie. Those of an earlier, interrupted training are removed.
        settings: What HPARAMS shows.
        graph: A validation graph, a batch of its own, as networks get it; pictures are left out
            where there is none, or the network has no levels. Where its levels cannot be drawn, a
            text says why. (default: :obj:`None`)
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], graph: Batch | None = None
    ) -> None:
        for stale in folder.glob("events.out.tfevents.*"):
            stale.unlink()
        self._logger = TensorBoardLogger(folder.parent, name="", version=folder.name)
        self._settings = dict(settings)
        self._graph = graph

    def __enter__(self) -> TensorBoardLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._logger.experiment.close()

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Write an epoch, which this ends."""
        module: GraphClassifier = pl_module
        epoch = trainer.current_epoch + 1
        if epoch == 1:
            self._write_settings(module.task.metric)
        self._logger.log_metrics(
            {name: values[-1] for name, values in module.curves.items()}, epoch
        )
        if epoch % FIGURES_EVERY == 0:
            self._draw(module.model, epoch, "epochs")
        # A run that is killed leaves all epochs but the one it was in.
        self._logger.experiment.flush()

    def finish(self, model: nn.Module, result: TrainingResult, metric: str) -> None:
        """Write what the training chose.

        Args:
            model: The network with the weights of the best epoch.
            result: What the training left.
            metric: Name of the task's metric.
        """
        best = result.best_epoch
        scores = {
            name: result.chosen_by(f"validation_{kind}")
            for name, kind in zip(_best_scores(metric), (metric, "loss"), strict=True)
        }
        self._logger.log_metrics({**scores, "best/epoch": best}, best)
        self._draw(model, best, "best")

    def _write_settings(self, metric: str) -> None:
        from torch.utils.tensorboard.summary import hparams

        values = {
            name: value if isinstance(value, bool | int | float | str) else str(value)
            for name, value in self._settings.items()
        }
        # Lightning writes them together with values of the metrics; here these come at the end.
        for part in hparams(values, dict.fromkeys(("best/epoch", *_best_scores(metric)))):
            self._logger.experiment.file_writer.add_summary(part)

    @torch.no_grad()
    def _draw(self, model: nn.Module, epoch: int, tag: str) -> None:
        if self._graph is None:
            return
        from benchmarks.training.level_figures import assignment_figure, hierarchy_figure

        training = model.training
        prediction = Forward(model.eval())(self._graph.to(next(model.parameters()).device))
        model.train(training)
        if not prediction.levels:
            return
        number = int(self._graph.graph_index)
        title = f"epoch {epoch}, validation graph {number}"
        try:
            figures: dict[str, Figure] = {
                "hierarchy": hierarchy_figure(self._graph, prediction, title),
                "assignment": assignment_figure(prediction, title),
            }
        except (TypeError, ValueError) as error:
            # Training goes on without a picture: of a network that has diverged, for one.
            self._logger.experiment.add_text(f"hierarchy/{tag}", f"{title}: {error}", epoch)
            return
        for name, figure in figures.items():
            self._logger.experiment.add_figure(f"{name}/{tag}", figure, epoch, close=True)


def _best_scores(metric: str) -> tuple[str, str]:
    return f"best/validation_{metric}", "best/validation_loss"
