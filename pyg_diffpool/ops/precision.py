"""Dtypes: half-precision inputs are multiplied and accumulated in float32."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

HALF = (torch.float16, torch.bfloat16)


def accumulation_dtype(*dtypes: torch.dtype) -> torch.dtype:
    """Return the widest of the dtypes, but at least float32."""
    widest = torch.float32
    for dtype in dtypes:
        widest = torch.promote_types(widest, dtype)
    return widest


def accumulated(tensor: Tensor) -> Tensor:
    """Return the tensor in the accumulation dtype."""
    return tensor.float() if tensor.dtype in HALF else tensor


def exact(tensor: Tensor) -> Tensor:
    """Return the tensor in float64 if the device supports it."""
    return tensor if tensor.device.type == "mps" else tensor.double()


def without_autocast(tensor: Tensor) -> AbstractContextManager[None]:
    """Disable autocast, since dtypes are chosen explicitly."""
    device = tensor.device.type
    if not torch.is_autocast_enabled(device):
        return nullcontext()
    return torch.autocast(device, enabled=False)
