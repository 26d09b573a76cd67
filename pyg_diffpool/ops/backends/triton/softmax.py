r"""Row-wise softmax and entropy on a GPU, in one pass over the logits and one over the gradients.

Without these kernels, a batch of many nodes spends as much time here as in its sparse product.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.ops.backends.triton.kernels import triton_available
from pyg_diffpool.ops.backends.triton.tiles import contiguous_rows, num_blocks
from pyg_diffpool.ops.transforms import is_traced_by_jit

# A program keeps whole rows in registers, of so many entries in all.
MOST_COLUMNS = 1024
ENTRIES = 2048


def has_kernels(logits: Tensor) -> bool:
    """Return whether there are kernels for a tensor: of float32 on a GPU, with Triton."""
    return logits.is_cuda and logits.dtype == torch.float32 and triton_available()


def takes(logits: Tensor) -> bool:
    """Return whether the kernels can be used for logits."""
    known = has_kernels(logits) and logits.dim() == 2 and not is_traced_by_jit()
    return known and 0 < logits.size(1) <= MOST_COLUMNS


def softmax_and_entropy(logits: Tensor, lowest: float) -> tuple[Tensor, Tensor]:
    r"""Compute the softmax and entropy of each row.

    Args:
        logits: :math:`(N, K)` in float32, with a finite entry in each row.
        lowest: Lower bound of logarithms.

    Returns:
        :math:`(N, K)` and :math:`(N)`.
    """
    from pyg_diffpool.ops.backends.triton import softmax_programs as programs

    nodes, clusters = logits.shape
    logits = contiguous_rows(logits)
    s = torch.empty(nodes, clusters, dtype=torch.float32, device=logits.device)
    entropy = s.new_empty(nodes)
    rows, block = _block(clusters)
    if nodes > 0:
        with torch.cuda.device_of(logits):  # type: ignore[no-untyped-call]
            programs.softmax_rows[(num_blocks(nodes, rows),)](
                *(logits, s, entropy, logits.stride(0), nodes, clusters, rows, block, lowest)
            )
    return s, entropy


def softmax_gradient(s: Tensor, grad: Tensor, grad_entropy: Tensor, lowest: float) -> Tensor:
    r"""Return the gradient of the logits, given those of the softmax and of the entropies."""
    from pyg_diffpool.ops.backends.triton import softmax_programs as programs

    out = torch.empty_like(s)
    nodes, clusters = s.shape
    rows, block = _block(clusters)
    if nodes > 0:
        with torch.cuda.device_of(s):  # type: ignore[no-untyped-call]
            programs.softmax_gradient_rows[(num_blocks(nodes, rows),)](
                *(s, grad.contiguous(), grad_entropy.contiguous(), out, nodes),
                *(clusters, rows, block, lowest),
            )
    return out


def _block(clusters: int) -> tuple[int, int]:
    """Return the rows and columns of a program."""
    columns = max(4, 1 << (clusters - 1).bit_length())
    return max(1, ENTRIES // columns), columns
