"""Where each graph of a batch begins and ends."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.index import index2ptr

from pyg_diffpool.ops.validation import values_checked


class Segments(NamedTuple):
    """The graphs of a batch as consecutive runs of nodes.

    Attributes:
        batch: Graph of each node, :math:`(N)`.
        ptr: First node of each graph, :math:`(B + 1)`.
        batch_size: Number of graphs.
        max_num_nodes: Width of a padded batch: at least the nodes of the largest graph.
    """

    batch: Tensor
    ptr: Tensor
    batch_size: int
    max_num_nodes: int

    @property
    def sizes(self) -> Tensor:
        """Number of nodes of each graph."""
        return self.ptr.diff()

    def slots(self) -> Tensor:
        """Position of each node in a padded batch whose two leading dimensions are flattened."""
        offset = torch.arange(self.batch_size, device=self.ptr.device) * self.max_num_nodes
        shift = offset - self.ptr[:-1]
        return torch.arange(self.batch.numel(), device=self.ptr.device) + shift[self.batch]


def segments(
    num_nodes: int,
    batch: Tensor | None,
    batch_size: int | None,
    max_num_nodes: int | None,
    device: torch.device,
    validate: bool | None,
) -> Segments:
    """Return the segments of a batch vector, having checked it.

    Raises:
        ValueError: If :obj:`batch` is not sorted, of the wrong size, or does not fit
            :obj:`batch_size` or :obj:`max_num_nodes`.
    """
    if batch is None:
        if batch_size not in (None, 1):
            raise ValueError(
                f"batch: expected a graph for each node of {batch_size} graphs, got None"
            )
        batch = torch.zeros(num_nodes, dtype=torch.long, device=device)
        batch_size = 1
    if batch.dim() != 1 or batch.numel() != num_nodes:
        raise ValueError(
            f"batch: expected one graph for each of the {num_nodes} nodes, "
            f"got shape {tuple(batch.shape)}"
        )
    if batch.is_floating_point() or batch.dtype == torch.bool:
        raise TypeError(f"batch: expected an integer dtype, got {batch.dtype}")
    if batch_size is None:
        batch_size = int(batch.max()) + 1 if num_nodes > 0 else 0
    if values_checked(batch, validate) and num_nodes > 0:
        _check_batch(batch, batch_size)
    ptr = index2ptr(batch.long(), batch_size)
    if max_num_nodes is None:
        max_num_nodes = int(ptr.diff().max()) if batch_size > 0 else 0
    elif values_checked(batch, validate) and batch_size > 0:
        largest = int(ptr.diff().max())
        if largest > max_num_nodes:
            raise ValueError(
                f"max_num_nodes: expected at least {largest}, the nodes of the largest graph, "
                f"got {max_num_nodes}"
            )
    return Segments(batch.long(), ptr, batch_size, max_num_nodes)


def _check_batch(batch: Tensor, batch_size: int) -> None:
    if bool((batch[1:] < batch[:-1]).any()):
        raise ValueError("batch: expected a sorted vector, got one that decreases")
    first, last = int(batch[0]), int(batch[-1])
    if first < 0 or last >= batch_size:
        raise ValueError(
            f"batch: expected graphs from 0 to {batch_size - 1} (batch_size={batch_size}), "
            f"got {first} to {last}"
        )
