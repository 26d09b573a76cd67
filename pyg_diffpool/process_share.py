"""The share of each process of an epoch's graphs, for :class:`~pyg_diffpool.ResidentLoader`."""

from __future__ import annotations

from torch import Tensor, distributed


def place(shard: bool | None) -> tuple[int, int]:
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
            "shard=True gives each its share of the graphs, shard=False all of them to each"
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
