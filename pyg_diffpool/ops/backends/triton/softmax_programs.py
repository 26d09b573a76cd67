"""The GPU programs that ``softmax.py`` launches, imported when a kernel is called."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["num_rows"])
def softmax_rows(
    logits,
    s,
    entropy,
    stride,
    num_rows,
    K: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK_K: tl.constexpr,
    LOWEST: tl.constexpr,
):
    """Write the softmax of some rows, and their entropies."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, BLOCK_K)
    mask = (row < num_rows)[:, None] & (column < K)[None, :]
    pointers = logits + row[:, None] * stride + column[None, :]
    value = tl.load(pointers, mask=mask, other=float("-inf"))
    # Rows beyond the matrix must have a finite entry as well, or they would be NaN.
    value = tl.where((row < num_rows)[:, None], value, 0.0)
    shifted = value - tl.max(value, axis=1)[:, None]
    power = tl.exp(shifted)
    total = tl.sum(power, axis=1)
    probability = power / total[:, None]
    logarithm = tl.maximum(shifted - tl.log(total)[:, None], LOWEST)
    tl.store(s + row[:, None] * K + column[None, :], probability, mask=mask)
    tl.store(entropy + row, -tl.sum(probability * logarithm, axis=1), mask=row < num_rows)


@triton.jit(do_not_specialize=["num_rows"])
def softmax_gradient_rows(
    s,
    grad,
    grad_entropy,
    out,
    num_rows,
    K: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK_K: tl.constexpr,
    LOWEST: tl.constexpr,
):
    """Write the gradient of the logits of some rows."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, BLOCK_K)
    mask = (row < num_rows)[:, None] & (column < K)[None, :]
    position = row[:, None] * K + column[None, :]
    probability = tl.load(s + position, mask=mask, other=0.0)
    logarithm = tl.maximum(tl.log(probability), LOWEST)
    onto = tl.load(grad + position, mask=mask, other=0.0)
    onto -= logarithm * tl.load(grad_entropy + row, mask=row < num_rows, other=0.0)[:, None]
    weighted = probability * onto
    result = weighted - probability * tl.sum(weighted, axis=1)[:, None]
    tl.store(out + position, result, mask=mask)
