"""The graphs of a padded batch; the counterpart of :class:`Segments` on dense levels."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


def mask_rows(rows: Tensor, mask: Tensor | None) -> Tensor:
    """Set the rows (B, N, ·) that are not nodes to zero, even if they are NaN."""
    return rows if mask is None else rows.masked_fill(~mask.unsqueeze(-1), 0.0)


class PaddedGraphs(NamedTuple):
    """The graphs of a batch, padded to the same number of rows.

    It has the methods of :class:`~pyg_diffpool.ops.segments.Segments` that do not depend on how
    rows are stored.

    Attributes:
        mask: Mask of the rows that are nodes, :math:`(B, N)` or :math:`(1, N)`, or None if all are.
        batch_size: Number of graphs.
        width: Number of rows of each graph.
        device: Device of the rows.
    """

    mask: Tensor | None
    batch_size: int
    width: int
    device: torch.device

    @property
    def sizes(self) -> Tensor:
        """Number of nodes of each graph."""
        if self.mask is not None:
            return self.mask.sum(1)
        return torch.full((self.batch_size,), self.width, device=self.device)

    def mask_rows(self, rows: Tensor) -> Tensor:
        """Set the rows (B, N, ·) that are not nodes to zero, even if they are NaN."""
        return mask_rows(rows, self.mask)

    def sum_rows(self, values: Tensor) -> Tensor:
        """Sum values (B, N) or (B, N, ·) over the nodes of each graph."""
        return self._of_nodes(values).sum(1)

    def padded_mean(self, values: Tensor) -> Tensor:
        """Return the mean of values (B, N) over all rows, where padding counts as 0."""
        values = self._of_nodes(values)
        return values.sum() / max(values.numel(), 1)

    def to_rows(self, values: Tensor) -> Tensor:
        """Add a node dimension to values per graph (B, K), so that they broadcast to (B, N, K)."""
        return values.unsqueeze(1)

    def _of_nodes(self, values: Tensor) -> Tensor:
        if self.mask is None:
            return values
        mask = self.mask if values.dim() == 2 else self.mask.unsqueeze(-1)
        return values.masked_fill(~mask, 0.0)
