"""Validation of arguments: shapes always, values if this requires no synchronisation."""

from __future__ import annotations

import operator
from typing import Any, cast

import torch
from torch import Tensor

from pyg_diffpool.ops.operator import register, traced
from pyg_diffpool.ops.precision import HALF
from pyg_diffpool.ops.transforms import is_batched

FLOATING = (torch.float64, torch.float32, torch.bfloat16, torch.float16)

# Pairs of nodes are encoded as 64-bit integers, which must be able to hold the square of a size.
LARGEST_SIZE = 2**31 - 1


def values_checked(tensor: Tensor, validate: bool | None) -> bool:
    """Return whether values are checked: by default on the CPU, on a GPU only on request.

    Values are never checked under ``torch.func.vmap``, where the result could vary by sample.
    """
    if is_batched(tensor):
        return False
    return not tensor.is_cuda if validate is None else validate


def values_seen(tensor: Tensor, validate: bool | None) -> bool:
    """Return whether Python code checks values: as :func:`values_checked`, but not in traced code.

    Traced code has no values yet.
    """
    return values_checked(tensor, validate) and not traced()


def kind(value: object) -> str:
    """Describe an unexpected value in a few words, for error messages."""
    if isinstance(value, Tensor):
        return f"a tensor of {value.dtype} and shape {tuple(value.shape)}"
    if value is None or isinstance(value, str | int | float):
        return repr(value)
    return type(value).__name__


def check_tensor(name: str, value: object, expected: str = "a tensor") -> None:
    """Raise a :class:`TypeError` unless :obj:`value` is a tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: expected {expected}, got {kind(value)}")


def check_choice(name: str, value: str | None, choices: tuple[str | None, ...]) -> None:
    """Raise a :class:`ValueError` unless :obj:`value` is one of the choices."""
    if not (value is None or isinstance(value, str)) or value not in choices:
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name}: expected one of {listed}, got {kind(value)}")


def check_flag(name: str, value: object, *, optional: bool = False) -> None:
    """Raise a :class:`TypeError` unless :obj:`value` is a boolean, or None if optional."""
    if not (isinstance(value, bool) or (optional and value is None)):
        wanted = "True, False or None" if optional else "True or False"
        raise TypeError(f"{name}: expected {wanted}, got {kind(value)}")


def read_size(name: str, value: Any, least: int = 0) -> int:
    """Check that a size is an integer within bounds, and return it as a Python number.

    Args:
        name: Name of the argument.
        value: Any integer, including those of NumPy and tensors; symbolic ones are returned as
            they are.
        least: Smallest valid value.

    Raises:
        TypeError: If :obj:`value` is not an integer; booleans are not accepted.
        ValueError: If :obj:`value` is too small, or so large that its square does not fit 64 bits.
    """
    if isinstance(value, torch.SymInt):
        return cast(int, value)
    if isinstance(value, bool) or (isinstance(value, Tensor) and value.dtype == torch.bool):
        raise TypeError(f"{name}: expected an integer, got {kind(value)}")
    try:
        size: int = value if isinstance(value, int) else operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: expected an integer, got {kind(value)}") from None
    if size < least:
        raise ValueError(f"{name}: expected at least {least}, got {size}")
    if size > LARGEST_SIZE:
        raise ValueError(f"{name}: expected at most {LARGEST_SIZE}, got {size}")
    return size


def check_floating(name: str, tensor: Tensor, dim: int | tuple[int, ...]) -> None:
    """Check that a tensor is strided, floating point and has the expected number of dimensions."""
    check_tensor(name, tensor)
    allowed = (dim,) if isinstance(dim, int) else dim
    if tensor.dim() not in allowed:
        listed = " or ".join(map(str, allowed))
        raise ValueError(f"{name}: expected {listed} dimensions, got shape {tuple(tensor.shape)}")
    if tensor.dtype not in FLOATING:
        raise TypeError(f"{name}: expected a floating point dtype, got {tensor.dtype}")
    if tensor.layout != torch.strided:
        raise TypeError(f"{name}: expected a dense tensor, got one of layout {tensor.layout}")


def check_assignment(s: Tensor, shape: tuple[int, ...]) -> None:
    """Check that an assignment has a row for each node and at least one cluster."""
    check_floating("s", s, len(shape) + 1)
    if tuple(s.shape[:-1]) != shape:
        raise ValueError(
            f"s: expected one row for each node, shape {[*shape, 'K']}, got {tuple(s.shape)}"
        )
    check_clusters(s)


def check_clusters(s: Tensor) -> None:
    """Check that an assignment has at least one cluster."""
    if s.size(-1) < 1:
        raise ValueError(f"s: expected at least one cluster (K >= 1), got shape {tuple(s.shape)}")


def check_distributions(
    s: Tensor, validate: bool | None, *, padded: bool = False, mask: Tensor | None = None
) -> None:
    """Check that the rows of an assignment are probabilities, if values are checked.

    Args:
        s: Assignment (N, K) or (B, N, K).
        validate: Whether to check.
        padded: Whether rows of zeros are accepted as padding.
        mask: Mask of the rows that are checked. (default: all)
    """
    if not values_seen(s, validate) or s.numel() == 0:
        return
    s = s.detach()
    total = s.sum(-1, dtype=torch.promote_types(s.dtype, torch.float32))
    # Row sums of a softmax deviate from one by the rounding errors of the largest entries.
    tolerance = 2e-2 if s.dtype in HALF else 1e-3
    # NaN is accepted: it remains visible in the loss, as in PyTorch's own losses.
    good = ((total - 1).abs() <= tolerance) | total.isnan()
    if padded:
        good |= (s == 0).all(-1)
    # Probabilities may be below zero by rounding errors.
    good &= ~(s.amin(-1) < -tolerance)
    if mask is not None:
        good = good | ~mask
    if not bool(good.all()):
        bad = (~good.broadcast_to(total.shape if mask is None else good.shape)).nonzero()[0]
        row = s.broadcast_to(*good.shape, s.size(-1))[tuple(bad.tolist())]
        place = bad.tolist() if bad.numel() > 1 else int(bad)
        raise ValueError(
            "s: expected probabilities, rows of numbers from 0 on that sum to 1 (of logits, their "
            f"softmax), got row {place} from {float(row.min()):g} to {float(row.max()):g} with sum "
            f"{float(row.double().sum()):g}"
        )


def check_edges(
    source: Tensor,
    target: Tensor,
    weight: Tensor | None,
    num_nodes: int,
    values: bool,
    num_sources: int | None = None,
) -> None:
    """Check that indices are in range and weights floating point and finite.

    Args:
        source: Source of each edge.
        target: Target of each edge.
        weight: Weight of each edge.
        num_nodes: Number of nodes; of targets, if sources are other nodes.
        values: Whether to check values.
        num_sources: Number of sources, if they are other nodes than the targets.
    """
    if weight is not None and weight.dtype not in FLOATING:
        raise TypeError(f"edge_weight: expected a floating point dtype, got {weight.dtype}")
    if not values or source.numel() == 0:
        return
    if num_sources is None:
        _check_ends("indices", num_nodes, source, target)
    else:
        _check_ends("sources", num_sources, source)
        _check_ends("targets", num_nodes, target)
    if weight is not None:
        check_finite("edge_weight", weight)


def _check_ends(which: str, num_nodes: int, *ends: Tensor) -> None:
    bounds = [bound for nodes in ends for bound in nodes.aminmax()]
    low, high = int(min(bounds)), int(max(bounds))
    if low < 0 or high >= num_nodes:
        raise ValueError(
            f"edge_index: expected {which} from 0 to {num_nodes - 1}, got {low} to {high}"
        )


def check_finite(name: str, weight: Tensor) -> None:
    """Raise a :class:`ValueError` if a weight is infinite or not a number."""
    if is_batched(weight):
        return
    if not bool(torch.isfinite(weight).all()):
        bad = weight[~torch.isfinite(weight)][0].item()
        raise ValueError(f"{name}: expected finite weights, got {bad}")


def check_probabilities(name: str, weight: Tensor | None) -> None:
    """Raise a :class:`ValueError` unless weights are in [0, 1]."""
    if weight is None or weight.numel() == 0 or is_batched(weight):
        return
    low, high = (float(bound) for bound in weight.detach().aminmax())
    if low < 0 or high > 1:
        raise ValueError(
            f"{name}: expected weights within [0, 1] under convention='reference', whose cross "
            f"entropy takes them for probabilities, got {low:g} to {high:g}"
        )


def _checked_kernel(weight: Tensor, summed: bool) -> Tensor:
    check_probabilities("edge_weight", weight.clamp(max=1) if summed else weight)
    return weight.clone()


def _checked_fake(weight: Tensor, summed: bool) -> Tensor:
    return torch.empty_like(weight)


def _checked_setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    pass


def _checked_backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
    return grad, None


# For traced code: checks weights when the code runs, and returns them. Sums of duplicates may be
# larger than 1.
checked_probabilities = register(
    "checked_probabilities",
    "(Tensor weight, bool summed) -> Tensor",
    _checked_kernel,
    _checked_fake,
    _checked_setup,
    _checked_backward,
)
