"""The three contractions on a dense level, where graphs are small and padded already."""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.ops.precision import accumulation_dtype, without_autocast


def mask_rows(rows: Tensor, mask: Tensor | None) -> Tensor:
    """Set the rows (B, N, ·) that are no nodes to zero, whatever stands there."""
    return rows if mask is None else rows.masked_fill(~mask.unsqueeze(-1), 0.0)


def mask_adjacency(adj: Tensor, mask: Tensor | None) -> Tensor:
    """Set the rows and columns of (B, N, N) that are no nodes to zero, whatever stands there."""
    if mask is None:
        return adj
    return adj.masked_fill(~(mask.unsqueeze(1) & mask.unsqueeze(2)), 0.0)


def node_counts(rows: Tensor, mask: Tensor | None) -> Tensor:
    """Number of nodes of each graph of rows (B, N, ·)."""
    if mask is not None:
        return mask.sum(1)
    return torch.full((rows.size(0),), rows.size(1), device=rows.device)


def dense_coarsen(
    x: Tensor, s: Tensor, adj: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return pooled features, pooled adjacency and Gram matrix of x, s and adj (B, N, ·)."""
    dtype = accumulation_dtype(x.dtype, s.dtype, adj.dtype)
    pooled_dtype = torch.promote_types(x.dtype, s.dtype)
    x, s = mask_rows(x, mask).to(dtype), mask_rows(s, mask).to(dtype)
    adj = mask_adjacency(adj, mask).to(dtype)
    with without_autocast(s):
        s_t = s.transpose(1, 2)
        return (s_t @ x).to(pooled_dtype), s_t @ (adj @ s), s_t @ s
