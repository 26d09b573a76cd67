"""The share of each process of an epoch's graphs, for :class:`~pyg_diffpool.ResidentLoader`."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor, distributed

from pyg_diffpool.ops.validation import kind

Shard = bool | Literal["batch"] | None


class Portion(NamedTuple):
    """Batches of one process.

    Attributes:
        graphs: The graphs, batch after batch.
        batch_size: Number of graphs in each batch, except for the last one.
        loss_weight: What the mean loss of a batch is multiplied by, if batches are divided.
    """

    graphs: Tensor
    batch_size: int
    loss_weight: float | None = None


def check_shard(shard: object) -> None:
    """Raise an error unless :obj:`shard` is one of the choices."""
    if shard is not None and not isinstance(shard, bool) and shard != "batch":
        got = repr(shard) if isinstance(shard, str) else kind(shard)
        raise (ValueError if isinstance(shard, str) else TypeError)(
            f"shard: expected True, False, 'batch' or None, got {got}"
        )


def place(shard: Shard) -> tuple[int, int]:
    """Return the rank of this process and the number of processes that share the graphs.

    Raises:
        RuntimeError: If there are several processes and :obj:`shard` is not set.
    """
    if shard is False or not distributed.is_available():
        return 0, 1
    processes = distributed.get_world_size() if distributed.is_initialized() else 1
    if processes > 1 and shard is None:
        raise RuntimeError(
            f"ResidentLoader: expected a choice of shard in one of {processes} processes: "
            "shard=True gives each its share of the graphs, shard='batch' its part of every batch, "
            "shard=False all graphs to each"
        )
    return (distributed.get_rank() if processes > 1 else 0), processes


def share_size(count: int, processes: int, drop_last: bool) -> int:
    """Return the number of graphs per process."""
    return count // processes if drop_last else -(-count // processes)


def share(order: Tensor, rank: int, processes: int, drop_last: bool) -> Tensor:
    """Return the graphs of one process; a few are repeated to give all processes equally many."""
    if processes == 1 or order.numel() == 0:
        return order
    total = processes * share_size(order.numel(), processes, drop_last)
    return order.repeat(processes)[:total][rank::processes]


def divide_batches(order: Tensor, batch_size: int, rank: int, processes: int) -> list[Portion]:
    r"""Deal the graphs of each batch to the processes in turn; none is left out or repeated.

    With :math:`n_r` of the :math:`n` graphs of a batch, process :math:`r` of :math:`R` has the
    weight :math:`n_r R / n`: the mean over processes of the weighted mean losses is the mean loss
    of the batch. If the last batch has no graph for a process, the process gets the first one with
    a weight of 0.

    Raises:
        ValueError: If batches have fewer graphs than there are processes.
    """
    if batch_size < processes:
        raise ValueError(
            f"batch_size: expected at least one graph for each of {processes} processes, got "
            f"{batch_size}"
        )
    whole = order.numel() // batch_size * batch_size
    parts = order[:whole].view(-1, batch_size)[:, rank::processes]
    portions = []
    if whole > 0:
        size = parts.size(1)
        portions.append(Portion(parts.flatten(), size, size * processes / batch_size))
    rest = order[whole:]
    if rest.numel() > 0:
        part = rest[rank::processes]
        weight = part.numel() * processes / rest.numel()
        part = part if part.numel() > 0 else rest[:1]
        portions.append(Portion(part, part.numel(), weight))
    return portions
