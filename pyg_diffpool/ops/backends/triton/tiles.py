"""Sizes of tiles, and tensors as the programs read them."""

from __future__ import annotations

from torch import Tensor


def block_size(size: int, largest: int) -> int:
    """Return the smallest power of two that covers a size; dot products need at least 16."""
    return min(largest, max(16, 1 << (size - 1).bit_length()))


def num_blocks(size: int, block: int) -> int:
    """Return how many blocks cover a size."""
    return -(-size // block)


def contiguous_rows(rows: Tensor) -> Tensor:
    """Return a tensor whose rows are contiguous; the stride between rows is arbitrary."""
    return rows if rows.stride(1) == 1 else rows.contiguous()
