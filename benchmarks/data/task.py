"""What the outputs of a network are trained for and scored by: classes, or binary tasks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy


class SummedLoss(NamedTuple):
    """A loss summed over what carries a label, and the number of such entries."""

    total: Tensor
    entries: Tensor

    def mean(self) -> Tensor:
        """Return the mean; without any label it is 0, with a gradient of 0."""
        return self.total / self.entries.clamp(min=1)


class Task(Protocol):
    """A loss, and a metric of which more is better."""

    @property
    def num_outputs(self) -> int:
        """Number of outputs of the network for each graph."""

    @property
    def metric(self) -> str:
        """Name of the metric, in lower case; records name their scores by it."""

    def loss(self, logits: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """Return the mean loss over a batch."""

    def summed_loss(self, logits: Tensor, target: Tensor) -> SummedLoss:
        """Return the loss of a batch such that several batches' can be added up."""

    def num_labels(self, target: Tensor) -> Tensor:
        """Return the number of entries over which the loss of a batch is a mean."""

    def score(self, logits: Tensor, target: Tensor) -> float:
        """Return the metric over all graphs of an evaluation, from 0 to 1."""


@dataclass(frozen=True)
class Multiclass:
    """One of several classes a graph: cross-entropy, and accuracy.

    Args:
        num_outputs: Number of classes. Targets are class numbers ``[G]``.
    """

    num_outputs: int
    metric: ClassVar[str] = "accuracy"

    def loss(self, logits: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """Return the mean cross-entropy."""
        return cross_entropy(logits, target, label_smoothing=label_smoothing)

    def summed_loss(self, logits: Tensor, target: Tensor) -> SummedLoss:
        """Return the cross-entropy summed over graphs."""
        total = cross_entropy(logits.float(), target, reduction="sum")
        return SummedLoss(total, total.new_full((), target.numel()))

    def num_labels(self, target: Tensor) -> Tensor:
        """Return the number of graphs."""
        return torch.tensor(target.numel())

    def score(self, logits: Tensor, target: Tensor) -> float:
        """Return the share of graphs whose largest output is their class."""
        return int((logits.argmax(dim=-1) == target).sum()) / target.numel()


@dataclass(frozen=True)
class BinaryTasks:
    """Binary labels for several tasks a graph, some of them missing.

    Args:
        num_outputs: Number of tasks. Targets are 0, 1 or NaN (no label), floats ``[G, T]``.
        metric: Name of the metric.
        scorer: Computes the metric from outputs and targets, both ``[G, T]``.
    """

    num_outputs: int
    metric: str
    scorer: Callable[[Tensor, Tensor], float]

    def loss(self, logits: Tensor, target: Tensor, label_smoothing: float = 0.0) -> Tensor:
        """Return the binary cross-entropy, a mean over the labels that are there.

        Smoothing s makes 1 − s/2 of a 1 and s/2 of a 0, as two classes have it.
        """
        smooth = target * (1 - label_smoothing) + label_smoothing / 2
        return self.summed_loss(logits, smooth).mean()

    def summed_loss(self, logits: Tensor, target: Tensor) -> SummedLoss:
        """Return the binary cross-entropy summed over the labels that are there."""
        labelled = ~target.isnan()
        terms = binary_cross_entropy_with_logits(
            logits.float(), target.nan_to_num(0.0), reduction="none"
        )
        return SummedLoss((terms * labelled).sum(), labelled.sum())

    def num_labels(self, target: Tensor) -> Tensor:
        """Return the number of labels that are there."""
        return (~target.isnan()).sum()

    def score(self, logits: Tensor, target: Tensor) -> float:
        """Return the metric; it orders graphs, for which logits serve as probabilities do."""
        return self.scorer(logits.float(), target)


def metric_of(record: Mapping[str, Any]) -> str:
    """Return the metric of a cell's record; the oldest ones name none and hold accuracies."""
    return str(record.get("metric", Multiclass.metric))


def score_key(record: Mapping[str, Any], part: str) -> str:
    """Return the name under which a record and its curves hold a part's score.

    Args:
        record: A cell's record.
        part: ``"validation"`` or ``"test"``.
    """
    return f"{part}_{metric_of(record)}"
