"""Batch normalisation that sees nodes only, on sparse and dense levels."""

from __future__ import annotations

from torch import Tensor
from torch_geometric.nn import norm


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
        rows = x.flatten(0, -2) if mask is None else x[mask]
        # Without a row there is nothing to normalise, and no statistics to update.
        out: Tensor = super().forward(rows) if rows.size(0) > 0 else rows
        if mask is None:
            return out.view_as(x)
        return x.new_zeros(x.shape, dtype=out.dtype).masked_scatter(mask.unsqueeze(-1), out)
