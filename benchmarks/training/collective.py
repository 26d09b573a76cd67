"""What the processes of one training tell each other; a process alone is told what it has."""

from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch_geometric.data import Batch

from benchmarks.data.task import Task

T = TypeVar("T")


class Share(NamedTuple):
    """What a process has of a batch.

    Attributes:
        of_labels: Its share of the labels, over which a task's loss is a mean.
        of_graphs: Its share of the graphs, over which the auxiliary loss is a mean.
        graphs: Number of graphs of the whole batch.
    """

    of_labels: Tensor
    of_graphs: Tensor
    graphs: Tensor


def num_ranks() -> int:
    """Return the number of processes of this training."""
    there = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if there else 1


def is_placeholder(batch: Batch) -> bool:
    """Tell whether a batch only stands for the graphs that a process does not have."""
    return getattr(batch, "loss_weight", 1.0) == 0.0


def share_of(batch: Batch, task: Task) -> Share:
    """Return what this process has of the batch that all processes share."""
    own = torch.zeros(2, device=batch.batch.device)
    if not is_placeholder(batch):
        own[0], own[1] = task.num_labels(batch.y), batch.num_graphs
    total = own.clone()
    distributed.all_reduce(total)
    labels, graphs = own / total.clamp(min=1)
    return Share(labels, graphs, total[1])


def summed(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return sums over all processes, which have the same names in the same order."""
    if num_ranks() == 1 or not values:
        return values
    total = torch.stack(list(values.values()))
    distributed.all_reduce(total)
    return dict(zip(values, total, strict=True))


def everyones(values: list[T]) -> list[T]:
    """Return the values of all processes, those of the first one first."""
    if num_ranks() == 1:
        return values
    gathered: list[Any] = [None] * num_ranks()
    distributed.all_gather_object(gathered, _on_cpu(values))
    return [value for values in gathered for value in values]


def from_first(value: T) -> T:
    """Return what the first process has."""
    if num_ranks() == 1:
        return value
    answer = [value]
    distributed.broadcast_object_list(answer)
    return answer[0]


def average_statistics(model: nn.Module) -> None:
    """Give all processes the mean of their running statistics, such as batch normalisation's."""
    if num_ranks() == 1:
        return
    for buffer in model.buffers():
        if buffer.is_floating_point():
            distributed.all_reduce(buffer)
            buffer /= num_ranks()


def _on_cpu(value: Any) -> Any:
    """Return tensors in lists and tuples as they can be sent."""
    if isinstance(value, Tensor):
        return value.cpu()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_on_cpu, value))
    if isinstance(value, list | tuple):
        return type(value)(map(_on_cpu, value))
    return value
