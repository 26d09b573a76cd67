"""The backend ``triton``: fused GPU kernels. Triton is imported on the first call."""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.ops.backends.base import Backend
from pyg_diffpool.ops.backends.triton import kernels


class Triton(Backend):
    """Fused kernels: no padding, each operand is read once, no host-device synchronisation."""

    takes_half = True

    def arrange(self, x: Tensor, p: Tensor, s: Tensor) -> Tensor:
        """Return the rows of P; nothing is rearranged."""
        return p

    def contract(self, rows: Tensor, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Multiply all columns of all graphs in one launch."""
        return kernels.contract(x, rows, s, self.graphs.ptr, self.graphs.batch_size)

    def expand(
        self, rows: Tensor, x: Tensor, s: Tensor, onto_x: Tensor, onto_p: Tensor, onto_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Multiply all rows of all graphs in one launch."""
        return kernels.expand(x, rows, s, self.graphs.ptr, onto_x, onto_p, onto_s)

    def spread(self, rows: Tensor, x: Tensor, s: Tensor, matrix: Tensor) -> Tensor:
        """Use the kernel of :meth:`expand` without the other operands."""
        nothing = torch.zeros_like(matrix)
        _, spread = kernels.expand(
            s[:, :0], s, s, self.graphs.ptr, matrix[:, :, :0], matrix, nothing
        )
        return spread
