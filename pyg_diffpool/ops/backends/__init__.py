"""The backends by name, and the default choice."""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.ops.backends.base import Backend
from pyg_diffpool.ops.backends.choice import choose_backend
from pyg_diffpool.ops.backends.padded import Padded
from pyg_diffpool.ops.backends.plain import plain_contract, plain_spread
from pyg_diffpool.ops.backends.ragged import Ragged
from pyg_diffpool.ops.backends.triton import Triton
from pyg_diffpool.ops.backends.triton.kernels import triton_available
from pyg_diffpool.ops.segments import Segments

__all__ = [
    "BACKENDS",
    "Backend",
    "backend_for",
    "choose_backend",
    "plain_contract",
    "plain_spread",
]

BACKENDS: dict[str, type[Backend]] = {"padded": Padded, "ragged": Ragged, "triton": Triton}


def backend_for(name: str, graphs: Segments, x: Tensor, s: Tensor) -> Backend:
    """Return the backend with a given name, or the one expected to be fastest for ``"auto"``."""
    if name == "auto" and s.is_cuda:
        # Padding needs the size of the largest graph, slices need all sizes; the kernels neither.
        fused = s.dtype == torch.float32 and triton_available()
        name = "triton" if fused else "padded"
    elif name == "auto":
        name = choose_backend(graphs, s.size(1), x.size(1) + 2 * s.size(1))
    return BACKENDS[name](graphs)
