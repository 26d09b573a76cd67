"""Registration of kernels with PyTorch: one set of functions for eager mode and for compilers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from pyg_diffpool.ops.precision import without_autocast
from pyg_diffpool.ops.transforms import is_batch_of_gradients, refuse_tracing, transformed

NAMESPACE = "pyg_diffpool"
LIBRARY = torch.library.Library(NAMESPACE, "DEF")  # type: ignore[no-untyped-call]


def operator(
    name: str,
    signature: str,
    forward: Callable[..., Any],
    fake: Callable[..., Any],
    setup: Callable[[Any, tuple[Any, ...], Any], None] | None = None,
    backward: Callable[..., Any] | None = None,
    plain: Callable[..., Any] | None = None,
    restore: Callable[[Any], tuple[Any, ...]] | None = None,
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
        plain: The kernel in PyTorch's own operations, for ``torch.func`` and for derivatives of
            derivatives; results that have no gradient may be left out.
        restore: From ``ctx`` to the arguments, for :obj:`plain`.
    """
    LIBRARY.define(f"{name}{signature}")  # type: ignore[no-untyped-call]
    LIBRARY.impl(name, forward, "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]
    torch.library.register_fake(f"{NAMESPACE}::{name}", fake, lib=LIBRARY)
    if setup is None or backward is None:
        setup, backward = _keep_nothing, _refusal(name)
    if plain is not None and restore is not None:
        backward = _of_any_order(plain, restore, backward)
    torch.library.register_autograd(
        f"{NAMESPACE}::{name}", backward, setup_context=setup, lib=LIBRARY
    )
    registered = getattr(getattr(torch.ops, NAMESPACE), name).default
    eager = _function(name, forward, setup, backward)

    def call(*arguments: Any) -> Any:
        if plain is not None and transformed():
            return plain(*arguments)
        if traced():
            return registered(*arguments)
        refuse_tracing()
        if torch.is_grad_enabled() and any(map(_requires_grad, arguments)):
            return eager.apply(*arguments)  # type: ignore[no-untyped-call]
        return forward(*arguments)

    return call


def differentiable(
    name: str,
    forward: Callable[..., Any],
    setup: Callable[[Any, tuple[Any, ...], Any], None],
    backward: Callable[..., Any],
    plain: Callable[..., Any],
    restore: Callable[[Any], tuple[Any, ...]],
) -> Callable[..., Any]:
    """Return a function with a gradient of its own, for eager mode alone.

    Arguments are those of :func:`operator`; compilers, too, get :obj:`plain`, and fuse it.
    """
    eager = _function(name, forward, setup, _of_any_order(plain, restore, backward))

    def call(*arguments: Any) -> Any:
        if transformed() or traced():
            return plain(*arguments)
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


def _of_any_order(
    plain: Callable[..., Any],
    restore: Callable[[Any], tuple[Any, ...]],
    backward: Callable[..., Any],
) -> Callable[..., Any]:
    """Return the gradient formula, which where asked can itself be differentiated."""

    def formula(ctx: Any, *gradients: Tensor | None) -> Any:
        if torch.is_grad_enabled() or transformed() or any(map(is_batch_of_gradients, gradients)):
            return _plain_gradients(plain, restore(ctx), ctx.needs_input_grad, gradients)
        return backward(ctx, *gradients)

    return formula


def _plain_gradients(
    plain: Callable[..., Any],
    arguments: tuple[Any, ...],
    needed: tuple[bool, ...],
    gradients: tuple[Tensor | None, ...],
) -> tuple[Tensor | None, ...]:
    """Compute anew in operations that PyTorch knows all derivatives of, and differentiate those."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        # Views, lest what leads from one argument to another be counted here too.
        inputs = [
            argument.view_as(argument) if need else argument
            for argument, need in zip(arguments, needed, strict=True)
        ]
        results = plain(*inputs)
    results = (results,) if isinstance(results, Tensor) else results
    pairs = [
        (result, gradient)
        for result, gradient in zip(results, gradients, strict=False)
        if gradient is not None and result.requires_grad
    ]
    wanted = [argument for argument, need in zip(inputs, needed, strict=True) if need]
    if not pairs or not wanted:
        return (None,) * len(inputs)
    outputs, cotangents = zip(*pairs, strict=True)
    with without_autocast(outputs[0]):
        found = iter(
            torch.autograd.grad(outputs, wanted, cotangents, create_graph=again, allow_unused=True)
        )
    return tuple(next(found) if need else None for need in needed)


def _requires_grad(argument: Any) -> bool:
    return isinstance(argument, Tensor) and argument.requires_grad


def _keep_nothing(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.set_materialize_grads(False)


def _refusal(name: str) -> Callable[..., Any]:
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        raise NotImplementedError(
            f"{NAMESPACE}::{name}: its derivative is not implemented; it is itself the gradient of "
            "another operator, whose second derivatives come from calling that one"
        )

    return backward
