"""Batch normalisation of several networks at once, with a custom gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class BatchNormalization(NamedTuple):
    """The settings and running statistics of a layer.

    Attributes:
        eps: Added to the variance.
        by_batch: Whether batch statistics are used, not running ones.
        momentum: Weight of the batch statistics in the running ones.
        mean: Running mean of each network's channels.
        variance: Their running variance.
        batches: Number of batches in the running statistics, for each network.
    """

    eps: float
    by_batch: bool
    momentum: float
    mean: tuple[Tensor, ...]
    variance: tuple[Tensor, ...]
    batches: tuple[Tensor, ...]


class KeptStatistics(NamedTuple):
    """Intermediate results for the backward pass.

    Attributes:
        scale: Scale of each channel.
        mean: The mean that was used.
        spread: Reciprocal standard deviation; the running variance if it is used without a mask.
        share: With a mask: reciprocal number of nodes, or zero if the running mean is used.
    """

    scale: Tensor | None = None
    mean: Tensor | None = None
    spread: Tensor | None = None
    share: Tensor | None = None


def normalization_forward(
    rows: Tensor,
    norm: BatchNormalization,
    scale: Tensor,
    shift: Tensor,
    mask: Tensor | None,
) -> tuple[Tensor, KeptStatistics]:
    """Normalise rows (M, n F); batch statistics without a mask require two or more of them.

    Batch statistics are added to the running ones.

    Args:
        rows: Rows of all networks side by side; those that are not nodes are zero.
        norm: The settings.
        scale: Scale of each channel (n F).
        shift: Shift of each channel (n F).
        mask: 1 for rows that are nodes and 0 for others (M, 1), or None if all are nodes.
    """
    if mask is not None:
        return _masked_forward(rows, norm, scale, shift, mask)
    if not norm.by_batch:
        mean, variance = _joined(norm.mean), _joined(norm.variance)
        out, _, _ = torch.native_batch_norm(
            rows, scale, shift, mean, variance, False, 0.0, norm.eps
        )
        return out, KeptStatistics(scale, mean, variance)
    torch._foreach_add_(norm.batches, 1)
    one = len(norm.mean) == 1
    before, around = (norm.mean[0], norm.variance[0]) if one else (None, None)
    out, mean, spread = torch.native_batch_norm(
        rows, scale, shift, before, around, True, norm.momentum, norm.eps
    )
    if not one:
        update_by_spread(norm, mean, spread, rows.size(0))
    return out, KeptStatistics(scale, mean, spread)


def update_by_spread(norm: BatchNormalization, mean: Tensor, spread: Tensor, size: int) -> None:
    """Add the statistics of all networks' rows, of this number, to the running ones."""
    # The kernel only returns 1 / √(σ² + ε), in which a variance far below ε is lost.
    variance = spread.pow(-2).sub_(norm.eps).clamp_(min=0.0).mul_(size / (size - 1))
    found = [part for new in (mean, variance) for part in new.chunk(len(norm.mean))]
    torch._foreach_lerp_([*norm.mean, *norm.variance], found, norm.momentum)


def normalization_backward(
    grad: Tensor,
    rows: Tensor,
    norm: BatchNormalization,
    kept: KeptStatistics,
    mask: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of the rows, of the scale and of the shift."""
    if mask is not None:
        return _masked_backward(grad, rows, kept, mask)
    nothing = (None, None)
    known = (kept.mean, kept.spread)
    saved = (*nothing, *known) if norm.by_batch else (*known, *nothing)
    found: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.native_batch_norm_backward(
        grad, rows, kept.scale, *saved, norm.by_batch, norm.eps, [True, True, True]
    )
    return found


def plain_normalization(
    rows: Tensor,
    norm: BatchNormalization,
    network: int,
    scale: Tensor,
    shift: Tensor,
    mask: Tensor | None,
) -> Tensor:
    """Normalise the rows of one network, with operations that have derivatives of all orders."""
    running = norm.mean[network], norm.variance[network]
    if mask is None:
        before = None if norm.by_batch else running[0]
        spread = None if norm.by_batch else running[1]
        return F.batch_norm(rows, before, spread, scale, shift, norm.by_batch, 0.0, norm.eps)
    mean, variance = running
    if norm.by_batch:
        mean, variance = _masked_statistics(rows, mean, variance, mask)[:2]
    return ((rows - mean) * (scale * (variance + norm.eps).rsqrt()) + shift) * mask


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _masked_statistics(
    rows: Tensor, running_mean: Tensor, running_variance: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return mean and variance, which for a single row are the running ones.

    Also the weight of a row, the unbiased variance, and whether there is more than one row.
    """
    count = mask.sum()
    enough = count > 1
    share = count.clamp(min=1).reciprocal()
    mean = rows.sum(0) * share
    squares = ((rows - mean) * mask).square().sum(0)
    unbiased = squares / (count - 1).clamp(min=1)
    mean = torch.where(enough, mean, running_mean)
    variance = torch.where(enough, squares * share, running_variance)
    return mean, variance, share * enough, unbiased, enough


def _masked_forward(
    rows: Tensor, norm: BatchNormalization, scale: Tensor, shift: Tensor, mask: Tensor
) -> tuple[Tensor, KeptStatistics]:
    mean, variance = _joined(norm.mean), _joined(norm.variance)
    share = None
    if norm.by_batch:
        mean, variance, share, unbiased, enough = _masked_statistics(rows, mean, variance, mask)
        _update_running(norm, mean, unbiased, enough)
    spread = (variance + norm.eps).rsqrt()
    out = torch.addcmul(shift, rows - mean, scale * spread).mul_(mask)
    return out, KeptStatistics(scale, mean, spread, share)


def _update_running(
    norm: BatchNormalization, mean: Tensor, variance: Tensor, enough: Tensor
) -> None:
    """Update the running statistics, unless there are too few rows."""
    share = enough.to(mean.dtype) * norm.momentum
    for count in norm.batches:
        count.add_(enough)
    networks = len(norm.mean)
    for old, new in zip(norm.mean, mean.chunk(networks), strict=True):
        old.lerp_(new, share)
    for old, new in zip(norm.variance, variance.chunk(networks), strict=True):
        # The variance of a single row may be infinite, and zero times infinity is not zero.
        old.lerp_(torch.where(enough, new, old), share)


def _masked_backward(
    grad: Tensor, rows: Tensor, kept: KeptStatistics, mask: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    assert kept.scale is not None
    assert kept.mean is not None
    assert kept.spread is not None
    grad = grad * mask
    unit = (rows - kept.mean).mul_(kept.spread)
    onto_shift = grad.sum(0)
    onto_scale = (grad * unit).sum(0)
    onto_rows = grad
    if kept.share is not None:
        onto_rows = grad - onto_shift * kept.share - unit.mul_(onto_scale * kept.share)
    return onto_rows * (kept.scale * kept.spread) * mask, onto_scale, onto_shift
