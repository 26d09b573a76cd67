"""Detection of function transforms, forward-mode derivatives and ``torch.jit.trace``."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad

functorch = torch._C._functorch


def transformed() -> bool:
    """Whether ``torch.func`` or forward-mode differentiation is at work.

    Kernels with gradients of their own would be opaque to both.
    """
    active: bool = torch._C._are_functorch_transforms_active()
    return active or forward_ad._current_level >= 0


def is_batched(tensor: Tensor) -> bool:
    """Whether ``torch.func.vmap`` runs over a tensor, whose values cannot be looked at then."""
    if not transformed():
        return False
    while functorch.is_functorch_wrapped_tensor(tensor):
        if functorch.is_batchedtensor(tensor):
            return True
        tensor = functorch.get_unwrapped(tensor)
    return False


def is_batch_of_gradients(gradient: Tensor | None) -> bool:
    """Whether ``torch.autograd.grad(..., is_grads_batched=True)`` sends many gradients at once."""
    return gradient is not None and functorch.is_legacy_batchedtensor(gradient)


def refuse_batched(name: str, tensor: Tensor) -> None:
    """Raise a :class:`NotImplementedError` if the structure of graphs is vmapped over."""
    if is_batched(tensor):
        raise NotImplementedError(
            f"{name}: expected the same edges and graphs for all that torch.func.vmap runs over "
            "(in_dims=None), got a batched tensor; features, assignments, weights of edges and "
            "parameters may be batched"
        )


def refuse_tracing() -> None:
    """Raise a :class:`NotImplementedError` under ``torch.jit.trace``.

    It records what was done to the example: its order of edges, its number of graphs.
    """
    if torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
        raise NotImplementedError(
            "torch.jit.trace: expected to be called without it, since it would bake the order of "
            "the example's edges and its number of graphs into the program; use "
            "torch.export.export, or torch.compile"
        )
