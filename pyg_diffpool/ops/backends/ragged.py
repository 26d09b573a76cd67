"""The backend ``ragged``: multiply the slice of each graph; no padding, but one call per graph."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from pyg_diffpool.ops.backends.base import SideBySide


class Ragged(SideBySide):
    """Multiplies the slice of each graph: no padding, but one call per graph."""

    @cached_property
    def _sizes(self) -> list[int]:
        return self.graphs.listed_sizes()

    def arrange(self, x: Tensor, p: Tensor, s: Tensor) -> Tensor:
        """Return the rows as (N, F + 2K)."""
        return torch.cat([x, p, s], 1)

    def contract(self, rows: Tensor, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Multiply all columns of one graph after another."""
        sizes, clusters = self._sizes, s.size(1)
        left = rows[:, -clusters:].t()
        out = rows.new_empty(len(sizes), clusters, rows.size(1))
        runs = zip(torch.split(left, sizes, 1), torch.split(rows, sizes), out, strict=True)
        for assignment, run, product in runs:
            torch.mm(assignment, run, out=product)
        return self.split(out, s)

    def multiply(self, rows: Tensor, matrix: Tensor) -> Tensor:
        """Multiply one graph after another."""
        sizes = self._sizes
        out = rows.new_empty(rows.size(0), matrix.size(2))
        runs = zip(torch.split(rows, sizes), matrix, torch.split(out, sizes), strict=True)
        for run, factor, product in runs:
            torch.mm(run, factor, out=product)
        return out
