"""Readout: from the node features of a level to one vector per graph."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from pyg_diffpool.ops.level import read_mask, refuse_mask
from pyg_diffpool.ops.maximum import dense_maximum, sparse_maximum
from pyg_diffpool.ops.precision import accumulated, accumulation_dtype
from pyg_diffpool.ops.validation import check_choice, check_floating, check_tensor, kind

READOUTS = ("max", "mean", "sum")
ASINH = "asinh"


def readout(
    x: Tensor,
    reduce: str | Sequence[str],
    *,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    mask: Tensor | None = None,
    sum_scale: float | str | None = None,
) -> Tensor:
    r"""Reduce the rows of every graph; the result of an empty graph is zero.

    Maximum and mean cannot distinguish a graph from two copies of it. A sum can (`"How Powerful
    are Graph Neural Networks?" <https://arxiv.org/abs/1810.00826>`_, Corollary 8), but it grows
    with the number of nodes. With several names, the vectors are concatenated in their order.

    Sums :math:`\mathbf{s} = \sum_v \mathbf{x}_v` can be scaled: by a number :math:`c`, to
    :math:`\mathbf{s} / c`, or by :math:`\operatorname{asinh}(\mathbf{s}) = \log \left( \mathbf{s} +
    \sqrt{\mathbf{s}^2 + 1} \right)`, which is odd, has slope 1 at 0 and grows like
    :math:`\log(2 |s|)`, so that graphs of 2 and of 5,748 nodes are within one order of magnitude.
    Division by a number :math:`c` preserves the ratio between the largest graph and the others,
    and is cancelled by batch normalisation.

    Args:
        x: Rows :math:`(N, F)`, or :math:`(B, N, F)` on a dense level.
        reduce: :obj:`"max"`, :obj:`"mean"` or :obj:`"sum"`, or several of them.
        batch: Graph of each row on a sparse level, :math:`(N)`. (default: a single graph)
        batch_size: Number of graphs on a sparse level. (default: the largest entry of :obj:`batch`
            plus one)
        mask: Boolean mask of the rows of a dense level that are nodes, :math:`(B, N)`.
            (default: all)
        sum_scale: A number by which sums are divided, or :obj:`"asinh"`.
            (default: :obj:`None`, no scaling)

    Returns:
        :math:`(B, R F)` for :math:`R` names.

    Raises:
        TypeError: If a tensor has the wrong type or dtype.
        ValueError: If :obj:`reduce` or :obj:`sum_scale` is unknown, or sizes do not match.

    Example:
        >>> readout(torch.tensor([[1.0], [3.0]]), "mean")
        tensor([[2.]])
        >>> readout(torch.tensor([[1.0], [3.0]]), ("max", "mean", "sum"), sum_scale=8)
        tensor([[3.0000, 2.0000, 0.5000]])
    """
    names = readout_names("reduce", reduce)
    check_sum_scale(sum_scale)
    check_floating("x", x, (2, 3))
    if x.dim() == 2:
        refuse_mask(mask)
        if batch is not None:
            check_tensor("batch", batch, "a tensor or None")
        if batch is None:
            batch, batch_size = x.new_zeros(x.size(0), dtype=torch.long), 1
        read = [_reduce_sparse(x, name, batch, batch_size, sum_scale) for name in names]
    else:
        mask = read_mask(mask, None)
        if mask is not None and mask.shape != x.shape[:2]:
            raise ValueError(f"mask: expected shape {list(x.shape[:2])}, got {tuple(mask.shape)}")
        read = [_reduce_dense(x, name, mask, sum_scale) for name in names]
    return read[0] if len(read) == 1 else torch.cat(read, -1)


def readout_names(argument: str, value: str | Sequence[str]) -> tuple[str, ...]:
    """Validate one or several readout names, and return them as a tuple."""
    if not isinstance(value, (tuple, list)):
        check_choice(argument, value, READOUTS)  # type: ignore[arg-type]
        return (value,)  # type: ignore[return-value]
    if len(value) == 0:
        raise ValueError(f"{argument}: expected one of {READOUTS} or several, got none")
    for name in value:
        check_choice(argument, name, READOUTS)
    if len(set(value)) < len(value):
        raise ValueError(f"{argument}: expected each name once, got {tuple(value)}")
    return tuple(value)


def check_sum_scale(sum_scale: object) -> None:
    """Raise a :class:`ValueError` unless :obj:`sum_scale` is valid."""
    number = isinstance(sum_scale, (int, float)) and not isinstance(sum_scale, bool)
    if sum_scale in (None, ASINH) or (number and 0 < sum_scale < float("inf")):  # type: ignore[operator]
        return
    raise ValueError(
        f"sum_scale: expected a finite number above 0, {ASINH!r} or None, got {kind(sum_scale)}"
    )


def _reduce_sparse(
    x: Tensor, reduce: str, batch: Tensor, batch_size: int | None, sum_scale: float | str | None
) -> Tensor:
    # In float16, counts are inexact above 2048 rows, in bfloat16 above 256.
    rows = accumulated(x)
    out: Tensor
    if reduce == "max":
        out = sparse_maximum(rows, batch, batch_size)
    else:
        out = scatter(rows, batch, 0, batch_size, reduce)
    if reduce == "sum":
        out = _scaled(out, sum_scale)
    return out.to(x.dtype)


def _reduce_dense(
    x: Tensor, reduce: str, mask: Tensor | None, sum_scale: float | str | None
) -> Tensor:
    if reduce == "max":
        return dense_maximum(x, mask)
    rows = x if mask is None else x.masked_fill(~mask.unsqueeze(-1), 0.0)
    total = rows.sum(1, dtype=accumulation_dtype(x.dtype))
    if reduce == "sum":
        total = _scaled(total, sum_scale)
    elif mask is None:
        total = total / max(x.size(1), 1)
    else:
        total = total / mask.sum(1, keepdim=True).clamp(min=1)
    return total.to(x.dtype)


def _scaled(total: Tensor, sum_scale: float | str | None) -> Tensor:
    """Scale sums before they are rounded to float16, whose largest value is 65,504."""
    if sum_scale is None:
        return total
    return total.asinh() if isinstance(sum_scale, str) else total / sum_scale
