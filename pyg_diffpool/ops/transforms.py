"""Detection of function transforms, forward-mode derivatives and ``torch.jit.trace``."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad

functorch = torch._C._functorch


def transformed() -> bool:
    """Return whether ``torch.func`` transforms or forward-mode differentiation are active.

    Kernels with custom gradients are opaque to both.
    """
    active: bool = torch._C._are_functorch_transforms_active()
    return active or forward_ad._current_level >= 0


def is_batched(tensor: Tensor) -> bool:
    """Return whether ``torch.func.vmap`` maps over a tensor, whose values are then inaccessible."""
    if not transformed():
        return False
    while functorch.is_functorch_wrapped_tensor(tensor):
        if functorch.is_batchedtensor(tensor):
            return True
        tensor = functorch.get_unwrapped(tensor)
    return False


def is_batch_of_gradients(gradient: Tensor | None) -> bool:
    """Return whether a gradient is batched by ``is_grads_batched`` of ``torch.autograd.grad``."""
    return gradient is not None and functorch.is_legacy_batchedtensor(gradient)


def refuse_batched(name: str, tensor: Tensor) -> None:
    """Raise a :class:`NotImplementedError` if ``vmap`` maps over the structure of graphs."""
    if is_batched(tensor):
        raise NotImplementedError(
            f"{name}: expected the same edges and graphs for all samples of torch.func.vmap "
            "(in_dims=None), got a batched tensor; features, assignments, edge weights and "
            "parameters may be batched"
        )


def is_traced_by_jit() -> bool:
    """Return whether this is called under ``torch.jit.trace``, where sizes are tensors."""
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined,no-untyped-call]


def refuse_tracing() -> None:
    """Raise a :class:`NotImplementedError` under ``torch.jit.trace``.

    A trace would record the order of the example's edges and its number of graphs.
    """
    if is_traced_by_jit():
        raise NotImplementedError(
            "torch.jit.trace: not supported, since it would bake the order of the example's edges "
            "and its number of graphs into the program; use torch.export.export or torch.compile"
        )
