"""Batch normalisation over nodes only, on sparse and dense levels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch_geometric.nn import norm

from pyg_diffpool.ops.operator import traced
from pyg_diffpool.ops.precision import accumulated


class BatchNorm(norm.BatchNorm):
    r"""Batch normalisation of node features that excludes padding and masked clusters.

    A batch of a single row is valid: it is normalised by the running statistics, or, in a layer
    without running statistics, by its own, so that the output is the bias.

    With a mask, the layer is equivalent to PyTorch's module on the selected rows: a frozen module
    (:obj:`layer.module.eval()`) keeps its statistics, :obj:`momentum=None` averages them over all
    batches, and :class:`torch.nn.SyncBatchNorm` computes statistics over all processes, with and
    without a mask, also on the CPU.

    Args:
        in_channels: Number of channels.
        eps: Constant added to the variance. (default: :obj:`1e-5`)
        momentum: Momentum of the running statistics; :obj:`None` for a cumulative average.
            (default: :obj:`0.1`)
        affine: Whether to learn a scale and a bias for each channel. (default: :obj:`True`)
        track_running_stats: Whether to track running statistics for evaluation.
            (default: :obj:`True`)

    Shapes:
        - **input:** node features :math:`(N, F)`, or :math:`(B, N, F)` with mask :math:`(B, N)`
          *(optional)*
        - **output:** as the input; masked rows are zero

    Example:
        >>> import torch
        >>> BatchNorm(4)(torch.randn(2, 3, 4)).shape
        torch.Size([2, 3, 4])
    """

    def __init__(
        self,
        in_channels: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ):
        # PyG's layer rejects single rows without running statistics; they are handled below.
        super().__init__(
            in_channels,
            eps,
            momentum,
            affine,
            track_running_stats,
            allow_single_element=track_running_stats,
        )

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise every channel over the rows that are nodes."""
        bn = self.module
        if not isinstance(self.module, _BatchNorm):
            return self._by_another_layer(x, mask)
        by_batch = bn.training or bn.running_mean is None
        if mask is not None or (by_batch and isinstance(bn, torch.nn.SyncBatchNorm)):
            return self._by_sums(x, mask)
        if traced() and not by_batch:
            # PyTorch's function checks for an empty input, whose size may be unknown in a trace.
            return self._normalised(accumulated(x), bn.running_mean, bn.running_var).to(x.dtype)
        rows = x.flatten(0, -2)
        if bn.running_mean is None and rows.size(0) == 1:
            return self._by_sums(x, None)
        # Without rows there is nothing to normalise, and there are no statistics to update.
        out: Tensor = super().forward(rows) if rows.size(0) > 0 else rows
        return out.view_as(x)

    def _by_another_layer(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Apply a module that has replaced batch normalisation, such as GroupNorm, to the nodes."""
        if mask is None:
            rows: Tensor = self.module(x.flatten(0, -2))
            return rows.view_as(x)
        picked: Tensor = self.module(x[mask])
        return picked.new_zeros(x.shape).masked_scatter(mask.unsqueeze(-1), picked)

    def _by_sums(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Normalise without selecting rows, since their number is only known on the device."""
        bn = self.module
        wide = accumulated(x).flatten(0, -2)
        rows = wide.new_ones(wide.size(0), 1, dtype=torch.bool)
        if mask is not None:
            rows = mask.reshape(-1, 1)
            wide = wide.masked_fill(~rows, 0.0)
        mean, variance = bn.running_mean, bn.running_var
        if bn.training or mean is None:
            mean, variance = self._batch_statistics(wide, rows)
        out = self._normalised(wide, mean, variance).masked_fill(~rows, 0.0)
        return out.to(x.dtype).view_as(x)

    def _normalised(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        bn = self.module
        scale = (variance + bn.eps).rsqrt()
        if bn.weight is not None:
            scale = bn.weight * scale
        out: Tensor = (x - mean) * scale
        return out if bn.bias is None else out + bn.bias

    def _batch_statistics(self, x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance over the rows, and update the running statistics."""
        bn = self.module
        sums = _over_processes(bn, torch.cat([x.sum(0), rows.sum().to(x.dtype).view(1)]))
        total, count = sums[:-1], sums[-1]
        mean = total / count.clamp(min=1)
        centred = (x - mean).masked_fill(~rows, 0.0)
        squares = _over_processes(bn, centred.square().sum(0))
        enough = count > 1
        if bn.training and bn.track_running_stats and bn.running_mean is not None:
            self._track(mean, squares / (count - 1).clamp(min=1), enough)
        variance = squares / count.clamp(min=1)
        if bn.running_mean is None:
            return mean, variance
        return torch.where(enough, mean, bn.running_mean), torch.where(
            enough, variance, bn.running_var
        )

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor, enough: Tensor) -> None:
        """Update the running statistics, unless there are too few rows."""
        bn, dtype = self.module, self.module.running_mean.dtype
        bn.num_batches_tracked.add_(enough)
        momentum = bn.momentum
        if momentum is None:
            momentum = bn.num_batches_tracked.clamp(min=1).to(dtype).reciprocal()
        share = momentum * enough.to(dtype)
        for running, batch in ((bn.running_mean, mean), (bn.running_var, variance)):
            # A single row may be infinite, and 0 · ∞ would be NaN.
            running.lerp_(torch.where(enough, batch.to(dtype), running), share)


def _over_processes(bn: torch.nn.Module, sums: Tensor) -> Tensor:
    """Sum over all processes, also in the backward pass, if the module synchronises."""
    distributed = torch.distributed
    if not (
        isinstance(bn, torch.nn.SyncBatchNorm)
        and bn.training
        and distributed.is_available()
        and distributed.is_initialized()
    ):
        return sums
    from torch.distributed.nn.functional import all_reduce

    group = distributed.group.WORLD if bn.process_group is None else bn.process_group
    total: Tensor = all_reduce(sums, group=group)  # type: ignore[no-untyped-call]
    return total
