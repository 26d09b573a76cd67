"""Number formats: half-precision inputs are multiplied and summed in float32."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

HALF = (torch.float16, torch.bfloat16)


def accumulation_dtype(*dtypes: torch.dtype) -> torch.dtype:
    """Return the widest of the dtypes, and float32 at least."""
    widest = torch.float32
    for dtype in dtypes:
        widest = torch.promote_types(widest, dtype)
    return widest


def accumulated(tensor: Tensor) -> Tensor:
    """Return the tensor in a dtype fit for sums."""
    return tensor.float() if tensor.dtype in HALF else tensor


def exact(tensor: Tensor) -> Tensor:
    """Return the tensor in float64, where the device has it."""
    return tensor if tensor.device.type == "mps" else tensor.double()


def without_autocast(tensor: Tensor) -> AbstractContextManager[None]:
    """Switch autocast off: dtypes are chosen here by hand."""
    device = tensor.device.type
    if not torch.is_autocast_enabled(device):
        return nullcontext()
    return torch.autocast(device, enabled=False)
