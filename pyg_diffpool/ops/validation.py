"""Checks of arguments: shapes always, values where looking at them costs no synchronisation."""

from __future__ import annotations

import torch
from torch import Tensor

FLOATING = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def values_checked(tensor: Tensor, validate: bool | None) -> bool:
    """Whether values are looked at: always on the CPU, on a GPU only when asked."""
    return not tensor.is_cuda if validate is None else validate


def check_choice(name: str, value: str | None, choices: tuple[str | None, ...]) -> None:
    """Raise a :class:`ValueError` unless :obj:`value` is one of the choices."""
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name}: expected one of {listed}, got {value!r}")


def check_floating(name: str, tensor: Tensor, dim: int) -> None:
    """Check that a tensor is real, floating point and of the expected number of dimensions."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name}: expected a tensor, got {type(tensor).__name__}")
    if tensor.dim() != dim:
        raise ValueError(f"{name}: expected {dim} dimensions, got shape {tuple(tensor.shape)}")
    if tensor.dtype not in FLOATING:
        raise TypeError(f"{name}: expected a floating point dtype, got {tensor.dtype}")


def check_assignment(s: Tensor, shape: tuple[int, ...]) -> None:
    """Check that an assignment has a row for each node and at least one cluster."""
    check_floating("s", s, len(shape) + 1)
    if tuple(s.shape[:-1]) != shape:
        raise ValueError(
            f"s: expected one row for each node, shape {[*shape, 'K']}, got {tuple(s.shape)}"
        )
    if s.size(-1) < 1:
        raise ValueError(f"s: expected at least one cluster (K >= 1), got shape {tuple(s.shape)}")


def check_edges(
    source: Tensor, target: Tensor, weight: Tensor | None, num_nodes: int, values: bool
) -> None:
    """Check that indices are in range and weights floating point and finite."""
    if weight is not None and weight.dtype not in FLOATING:
        raise TypeError(f"edge_weight: expected a floating point dtype, got {weight.dtype}")
    if not values or source.numel() == 0:
        return
    ends = [end for nodes in (source, target) for end in nodes.aminmax()]
    low, high = int(min(ends)), int(max(ends))
    if low < 0 or high >= num_nodes:
        raise ValueError(
            f"edge_index: expected indices from 0 to {num_nodes - 1}, got {low} to {high}"
        )
    if weight is not None:
        check_finite("edge_weight", weight)


def check_finite(name: str, weight: Tensor) -> None:
    """Raise a :class:`ValueError` if a weight is infinite or not a number."""
    if not bool(torch.isfinite(weight).all()):
        bad = weight[~torch.isfinite(weight)][0].item()
        raise ValueError(f"{name}: expected finite weights, got {bad}")


def check_dense_level(x: Tensor, adj: Tensor, mask: Tensor | None) -> None:
    """Check the shapes of a dense level: x [B, N, F], adj [B, N, N], mask [B, N]."""
    check_floating("x", x, 3)
    if not isinstance(adj, Tensor):
        raise TypeError(f"adj: expected a dense tensor [B, N, N], got {type(adj).__name__}")
    check_floating("adj", adj, 3)
    expected = (x.size(0), x.size(1), x.size(1))
    if tuple(adj.shape) != expected:
        raise ValueError(
            f"adj: expected shape {expected} beside x {tuple(x.shape)}, got {tuple(adj.shape)}"
        )
    if mask is not None and (tuple(mask.shape) != expected[:2] or mask.dtype != torch.bool):
        raise ValueError(
            f"mask: expected a boolean tensor of shape {expected[:2]}, "
            f"got {mask.dtype} of shape {tuple(mask.shape)}"
        )
