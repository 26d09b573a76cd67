"""Logits of which only some entries are needed: given, or as rows and a linear layer."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from pyg_diffpool.ops.precision import accumulated
from pyg_diffpool.ops.sparse_matrix import Pattern, entry_products


class GivenLogits(NamedTuple):
    """A matrix of logits.

    Attributes:
        logits: :math:`(N, K)`; or :math:`(B, N, K)`, for :meth:`matrix` alone.
    """

    logits: Tensor

    @property
    def columns(self) -> int:
        """Number of columns :math:`K`."""
        return self.logits.size(-1)

    def scaled(self, temperature: float | Tensor) -> GivenLogits:
        """Return the logits, in float32 or float64, divided by a temperature."""
        return GivenLogits(_scaled(accumulated(self.logits), temperature))

    def rows(self, start: int, stop: int, columns: int) -> GivenLogits:
        """Return some rows, and the first columns."""
        return GivenLogits(self.logits[start:stop, :columns])

    def matrix(self) -> Tensor:
        """Return all entries."""
        return self.logits

    def entries(self, pattern: Pattern) -> Tensor:
        """Return the entries of a pattern."""
        return self.logits[pattern.row, pattern.col]


class LinearLogits(NamedTuple):
    r"""Logits :math:`\mathbf{H} \mathbf{W}^{\top} + \mathbf{b}` that are multiplied when needed.

    Attributes:
        hidden: :math:`(N, D)`.
        weight: :math:`(K, D)`.
        bias: :math:`(K)` or None.
    """

    hidden: Tensor
    weight: Tensor
    bias: Tensor | None

    @property
    def columns(self) -> int:
        """Number of columns :math:`K`."""
        return self.weight.size(0)

    def scaled(self, temperature: float | Tensor) -> LinearLogits:
        """Return the logits, in float32 or float64, divided by a temperature."""
        hidden = accumulated(self.hidden)
        weight = _scaled(self.weight.to(hidden.dtype), temperature)
        bias = self.bias
        if bias is not None:
            bias = _scaled(bias.to(hidden.dtype), temperature)
        return LinearLogits(hidden, weight, bias)

    def rows(self, start: int, stop: int, columns: int) -> LinearLogits:
        """Return some rows, and the first columns."""
        bias = None if self.bias is None else self.bias[:columns]
        return LinearLogits(self.hidden[start:stop], self.weight[:columns], bias)

    def matrix(self) -> Tensor:
        """Return all entries."""
        return torch.nn.functional.linear(self.hidden, self.weight, self.bias)

    def entries(self, pattern: Pattern) -> Tensor:
        """Return the entries of a pattern, in time and memory linear in their number."""
        values = entry_products(self.hidden, self.weight, pattern)
        return values if self.bias is None else values + self.bias.index_select(0, pattern.col)


Logits: TypeAlias = GivenLogits | LinearLogits


def _scaled(tensor: Tensor, temperature: float | Tensor) -> Tensor:
    if isinstance(temperature, Tensor) or temperature != 1:
        return tensor / temperature
    return tensor
