"""Batch normalisation that sees nodes only, on sparse and dense levels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.nn import norm

from pyg_diffpool.ops.library import traced
from pyg_diffpool.ops.precision import accumulated


class BatchNorm(norm.BatchNorm):
    r"""Batch normalisation of node features; padding and masked clusters stay out of it.

    A batch of a single row is valid: it is normalised by the running statistics.

    Args:
        in_channels: Size of each row.

    Shapes:
        - **input:** node features :math:`(N, F)`, or :math:`(B, N, F)` with mask :math:`(B, N)`
          *(optional)*
        - **output:** as the input; masked rows are zero

    Example:
        >>> import torch
        >>> BatchNorm(4)(torch.randn(2, 3, 4)).shape
        torch.Size([2, 3, 4])
    """

    def __init__(self, in_channels: int):
        super().__init__(in_channels, allow_single_element=True)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise every channel over the rows that are nodes."""
        if mask is not None:
            return self._masked(x, mask.unsqueeze(-1))
        if traced() and not self.training:
            # PyTorch's function would ask whether there are rows at all, which may be unknown.
            bn = self.module
            return self._normalised(accumulated(x), bn.running_mean, bn.running_var).to(x.dtype)
        rows = x.flatten(0, -2)
        # Without a row there is nothing to normalise, and no statistics to update.
        out: Tensor = super().forward(rows) if rows.size(0) > 0 else rows
        return out.view_as(x)

    def _masked(self, x: Tensor, rows: Tensor) -> Tensor:
        """Normalise without picking rows out, whose number a compiler or a GPU does not know."""
        bn = self.module
        wide = accumulated(x).masked_fill(~rows, 0.0)
        mean, variance = bn.running_mean, bn.running_var
        if self.training:
            mean, variance = self._batch_statistics(wide, rows)
        return self._normalised(wide, mean, variance).masked_fill(~rows, 0.0).to(x.dtype)

    def _normalised(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        bn = self.module
        out: Tensor = (x - mean) * (bn.weight * (variance + bn.eps).rsqrt()) + bn.bias
        return out

    def _batch_statistics(self, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance over the rows, and move the running statistics towards them."""
        bn = self.module
        count = rows.sum()
        mean = x.sum((0, 1)) / count.clamp(min=1)
        centred = (x - mean).masked_fill(~rows, 0.0)
        squares = centred.square().sum((0, 1))
        enough = count > 1
        with torch.no_grad():
            momentum = bn.momentum * enough.to(mean.dtype)
            bn.running_mean.lerp_(mean.to(bn.running_mean.dtype), momentum)
            unbiased = squares / (count - 1).clamp(min=1)
            bn.running_var.lerp_(unbiased.to(bn.running_var.dtype), momentum)
            bn.num_batches_tracked.add_(enough)
        variance = squares / count.clamp(min=1)
        return torch.where(enough, mean, bn.running_mean), torch.where(
            enough, variance, bn.running_var
        )
