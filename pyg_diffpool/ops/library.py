"""Registration of kernels with PyTorch: one set of functions for eager mode and for compilers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

NAMESPACE = "pyg_diffpool"
LIBRARY = torch.library.Library(NAMESPACE, "DEF")  # type: ignore[no-untyped-call]


def operator(
    name: str,
    signature: str,
    forward: Callable[..., Any],
    fake: Callable[..., Any],
    setup: Callable[[Any, tuple[Any, ...], Any], None] | None = None,
    backward: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    """Register ``torch.ops.pyg_diffpool.<name>`` and return a function that calls it.

    The kernel is opaque to :func:`torch.compile` and :func:`torch.export`, so that it may look at
    values and build sparse tensors. In eager mode the returned function takes a shorter way
    through the same functions: on small graphs the dispatcher's would cost more than the kernel.

    Args:
        name: Name of the operator.
        signature: Its arguments and results, as in an operator schema.
        forward: The kernel, whose results share no memory with its arguments.
        fake: Shapes and dtypes of the results.
        setup: Stores on ``ctx`` what the backward pass needs, given arguments and results.
        backward: From ``ctx`` and the gradients of all results (:obj:`None` where there is none)
            to the gradients of all arguments. An operator without it refuses to be differentiated.
    """
    LIBRARY.define(f"{name}{signature}")  # type: ignore[no-untyped-call]
    LIBRARY.impl(name, forward, "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]
    torch.library.register_fake(f"{NAMESPACE}::{name}", fake, lib=LIBRARY)
    if setup is None or backward is None:
        setup, backward = _keep_nothing, _refusal(name)
    torch.library.register_autograd(
        f"{NAMESPACE}::{name}", backward, setup_context=setup, lib=LIBRARY
    )
    registered = getattr(getattr(torch.ops, NAMESPACE), name).default
    eager = _function(name, forward, setup, backward)

    def call(*arguments: Any) -> Any:
        if traced():
            return registered(*arguments)
        if torch.is_grad_enabled() and any(map(_requires_grad, arguments)):
            return eager.apply(*arguments)  # type: ignore[no-untyped-call]
        return forward(*arguments)

    return call


def traced() -> bool:
    """Whether somebody records operators: a compiler, an exporter, a tracer, a dispatch mode."""
    return torch.compiler.is_compiling() or is_in_torch_dispatch_mode()


def _function(
    name: str,
    forward_kernel: Callable[..., Any],
    setup: Callable[[Any, tuple[Any, ...], Any], None],
    backward_formula: Callable[..., Any],
) -> type[torch.autograd.Function]:
    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *arguments: Any) -> Any:
            results = forward_kernel(*arguments)
            setup(ctx, arguments, results)
            return results

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor | None) -> Any:
            return backward_formula(ctx, *gradients)

    Function.__name__ = Function.__qualname__ = name
    return Function


def _requires_grad(argument: Any) -> bool:
    return isinstance(argument, Tensor) and argument.requires_grad


def _keep_nothing(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.set_materialize_grads(False)


def _refusal(name: str) -> Callable[..., Any]:
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        raise NotImplementedError(
            f"{NAMESPACE}::{name}: its derivative is not implemented, so that what led here cannot "
            "be differentiated twice (was backward called with create_graph=True?)"
        )

    return backward
