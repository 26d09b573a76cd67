"""From the rows of a level to one vector a graph."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from pyg_diffpool.ops.level import read_mask, refuse_mask
from pyg_diffpool.ops.precision import accumulated, accumulation_dtype
from pyg_diffpool.ops.validation import check_choice, check_floating, check_tensor

READOUTS = ("max", "mean", "sum")


def readout(
    x: Tensor,
    reduce: str,
    *,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Reduce the rows of every graph; a graph without rows gives zeros.

    Args:
        x: Rows :math:`(N, F)`, or :math:`(B, N, F)` on a dense level.
        reduce: :obj:`"max"`, :obj:`"mean"` or :obj:`"sum"`.
        batch: Graph of each row on a sparse level, :math:`(N)`. (default: a single graph)
        batch_size: Number of graphs on a sparse level. (default: measured)
        mask: Which rows of a dense level count, :math:`(B, N)`. (default: all)

    Returns:
        :math:`(B, F)`.

    Raises:
        TypeError: If a tensor is of the wrong type or dtype.
        ValueError: If :obj:`reduce` is unknown, or sizes do not match.

    Example:
        >>> readout(torch.tensor([[1.0], [3.0]]), "mean")
        tensor([[2.]])
    """
    check_choice("reduce", reduce, READOUTS)
    check_floating("x", x, (2, 3))
    if x.dim() == 2:
        refuse_mask(mask)
        if batch is not None:
            check_tensor("batch", batch, "a tensor or None")
        if batch is None:
            batch, batch_size = x.new_zeros(x.size(0), dtype=torch.long), 1
        # Half precision would lose count at 2048 rows, bfloat16 at 256.
        out: Tensor = scatter(accumulated(x), batch, 0, batch_size, reduce)
        return out.to(x.dtype)
    mask = read_mask(mask, None)
    if mask is not None and mask.shape != x.shape[:2]:
        raise ValueError(f"mask: expected shape {list(x.shape[:2])}, got {tuple(mask.shape)}")
    if mask is None:
        mask = x.new_ones(x.shape[:2], dtype=torch.bool)
    rows = mask.unsqueeze(-1)
    if reduce == "max":
        top = x.masked_fill(~rows, -torch.inf).amax(1)
        return top.masked_fill(~mask.any(1, keepdim=True), 0.0)
    total = x.masked_fill(~rows, 0.0).sum(1, dtype=accumulation_dtype(x.dtype))
    if reduce == "mean":
        total = total / mask.sum(1, keepdim=True).clamp(min=1)
    return total.to(x.dtype)
