"""The backend ``padded``: pad all graphs to the largest, and use one batched product."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor
from torch_geometric.utils import to_dense_batch

from pyg_diffpool.ops.backends.base import SideBySide


class Padded(SideBySide):
    """Pads all graphs to the largest, and uses one batched product."""

    @cached_property
    def _slots(self) -> Tensor:
        return self.graphs.slots()

    def arrange(self, x: Tensor, p: Tensor, s: Tensor) -> Tensor:
        """Return the rows as (B, N, F + 2K)."""
        graphs = self.graphs
        rows = torch.cat([x, p, s], 1)
        dense: Tensor
        if rows.device.type == "cpu":
            # Equivalent to to_dense_batch with fewer calls, whose overhead matters on small graphs.
            dense = rows.new_zeros(graphs.batch_size * graphs.width, rows.size(1))
            return dense.index_copy_(0, self._slots, rows).view(graphs.batch_size, graphs.width, -1)
        dense, _ = to_dense_batch(rows, graphs.batch, 0.0, graphs.width, graphs.batch_size)
        return dense

    def contract(self, rows: Tensor, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Multiply all columns of all graphs at once."""
        left = rows[..., -s.size(1) :].transpose(1, 2)
        return self.split(torch.bmm(left, rows), s)

    def multiply(self, rows: Tensor, matrix: Tensor) -> Tensor:
        """Multiply all graphs at once."""
        return torch.bmm(rows, matrix).flatten(0, 1).index_select(0, self._slots)
