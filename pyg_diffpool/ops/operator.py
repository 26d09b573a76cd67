"""Operators with three forms: for eager mode, for compilers and for function transforms.

* **Eager**: a :class:`torch.autograd.Function` on tensors and Python objects, without flattening.
* **Traced**: ``torch.ops.pyg_diffpool.<name>``, opaque to :func:`torch.compile` and
  :func:`torch.export`, so that its kernel can access values and build sparse tensors. Only this
  form flattens objects to the arguments of a schema.
* **Plain**: PyTorch operations, for ``torch.func`` and for higher-order derivatives.

In all three forms, the arguments that have a gradient come first. Every module that has a kernel
imports this one, which imports none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from pyg_diffpool.ops.precision import without_autocast
from pyg_diffpool.ops.transforms import is_batch_of_gradients, refuse_tracing, transformed

NAMESPACE = "pyg_diffpool"
LIBRARY = torch.library.Library(NAMESPACE, "DEF")  # type: ignore[no-untyped-call]

Arguments = tuple[Any, ...]
Gradients = tuple[Tensor | None, ...]


class Operator:
    """A function with a custom gradient; :meth:`way` returns the form to call.

    Args:
        function: The eager form. Its ``forward`` must also run with :obj:`None` for ``ctx`` if no
            gradient is needed.
        plain: The form in PyTorch operations, which may omit results that have no gradient.
        traced: The form for compilers. (default: :obj:`plain`, which they fuse)
    """

    def __init__(
        self,
        function: type[torch.autograd.Function],
        plain: Callable[..., Any],
        traced: Callable[..., Any] | None = None,
    ):
        self.function = function
        self.plain = plain
        self.opaque = traced is not None
        self.traced = plain if traced is None else traced
        self.kernel = partial(function.forward, None)

    def way(self, *tensors: Tensor | None) -> Callable[..., Any]:
        """Return the form to call, given the arguments that may have a gradient.

        Calling it is left to the caller, which saves one stack frame per operator.
        """
        if transformed():
            return self.plain
        if traced():
            return self.traced
        if self.opaque:
            refuse_tracing()
        if torch.is_grad_enabled():
            for tensor in tensors:
                if tensor is not None and tensor.requires_grad:
                    return self.function.apply
        return self.kernel


def register(
    name: str,
    schema: str,
    kernel: Callable[..., Any],
    fake: Callable[..., Any],
    setup: Callable[[Any, Arguments, Any], None] | None = None,
    backward: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    """Register ``torch.ops.pyg_diffpool.<name>``, and return it.

    Args:
        name: Name of the operator.
        schema: Arguments and results of the operator, as a schema.
        kernel: The implementation; results must not share memory with arguments.
        fake: Shapes and dtypes of the results, which must not depend on data.
        setup: Saves the arguments and results needed for the backward pass on ``ctx``.
        backward: Function of ``ctx`` and the gradients of all results that returns the gradients of
            all arguments. Differentiating an operator without it raises an error.
    """
    LIBRARY.define(f"{name}{schema}")  # type: ignore[no-untyped-call]
    LIBRARY.impl(name, kernel, "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]
    torch.library.register_fake(f"{NAMESPACE}::{name}", fake, lib=LIBRARY)
    if setup is None or backward is None:
        setup, backward = _keep_nothing, _refusal(name)
    torch.library.register_autograd(
        f"{NAMESPACE}::{name}", backward, setup_context=setup, lib=LIBRARY
    )
    registered: Callable[..., Any] = getattr(getattr(torch.ops, NAMESPACE), name).default
    return registered


def operator(
    name: str,
    schema: str,
    function: type[torch.autograd.Function],
    plain: Callable[..., Any],
    fake: Callable[..., Any],
    gradient: Callable[[Arguments, Sequence[Tensor], Gradients, tuple[bool, ...]], Gradients],
    flatten: Callable[..., Arguments],
    unflatten: Callable[..., Arguments],
    kept: Sequence[int] = (),
    constant: Sequence[int] = (),
) -> Operator:
    """Register an operator with a gradient, and return all its forms.

    Args:
        name: Name of the operator.
        schema: Flat arguments and results of the operator.
        function: The eager form.
        plain: The form in PyTorch operations.
        fake: Shapes and dtypes of the results, given the arguments of :obj:`function`.
        gradient: Backward pass of the traced form: a function of the flat arguments, the saved
            results, the gradients of all results (or :obj:`None`), and which gradients are needed.
            It returns the gradients of the leading arguments.
        flatten: Converts the arguments of :obj:`function` to those of the schema.
        unflatten: Converts the arguments of the schema to those of :obj:`function`.
        kept: Positions of the results that are saved for :obj:`gradient`.
        constant: Positions of the results that have no gradient.
    """

    def kernel(*flat: Any) -> Any:
        return function.forward(None, *unflatten(*flat))

    def setup(ctx: Any, inputs: Arguments, output: Any) -> None:
        # Only tensors can be saved for backward; other arguments are kept on ctx.
        tensors = [value if isinstance(value, Tensor) else None for value in inputs]
        ctx.others = [None if isinstance(value, Tensor) else value for value in inputs]
        ctx.save_for_backward(*[output[position] for position in kept], *tensors)
        ctx.mark_non_differentiable(*[output[position] for position in constant])
        ctx.set_materialize_grads(False)

    def backward(ctx: Any, *gradients: Tensor | None) -> Gradients:
        results, tensors = ctx.saved_tensors[: len(kept)], ctx.saved_tensors[len(kept) :]
        flat = tuple(
            other if tensor is None else tensor
            for tensor, other in zip(tensors, ctx.others, strict=True)
        )
        if is_differentiated_again(gradients):
            found = plain_gradients(plain, unflatten(*flat), ctx.needs_input_grad, gradients)
        else:
            found = gradient(flat, results, gradients, ctx.needs_input_grad)
        return (*found, *[None] * (len(flat) - len(found)))

    def flat_fake(*flat: Any) -> Any:
        return fake(*unflatten(*flat))

    registered = register(name, schema, kernel, flat_fake, setup, backward)

    def traced_form(*arguments: Any) -> Any:
        return registered(*flatten(*arguments))

    return Operator(function, plain, traced_form)


def traced() -> bool:
    """Return whether operators are being traced by a compiler, an exporter or a dispatch mode."""
    return torch.compiler.is_compiling() or is_in_torch_dispatch_mode()


def is_differentiated_again(gradients: Gradients) -> bool:
    """Return whether a backward pass must be differentiable, or is transformed itself."""
    return torch.is_grad_enabled() or transformed() or any(map(is_batch_of_gradients, gradients))


def plain_gradients(
    plain: Callable[..., Any],
    arguments: Arguments,
    needed: tuple[bool, ...],
    gradients: Gradients,
) -> Gradients:
    """Recompute the results in PyTorch operations, and differentiate those.

    Args:
        plain: The operator's plain form.
        arguments: Arguments of the plain form, starting with those that may have a gradient.
        needed: Whether a gradient is needed, at least for those arguments.
        gradients: Gradients of the results.

    Returns:
        The gradients of all arguments.
    """
    again = torch.is_grad_enabled()
    needs = [
        isinstance(argument, Tensor) and position < len(needed) and needed[position]
        for position, argument in enumerate(arguments)
    ]
    with torch.enable_grad():
        # Views, so that dependencies of one argument on another are not differentiated here.
        inputs = [
            argument.view_as(argument) if need else argument
            for argument, need in zip(arguments, needs, strict=True)
        ]
        results = plain(*inputs)
    results = (results,) if isinstance(results, Tensor) else results
    pairs = [
        (result, gradient)
        for result, gradient in zip(results, gradients, strict=False)
        if gradient is not None and result.requires_grad
    ]
    wanted = [argument for argument, need in zip(inputs, needs, strict=True) if need]
    if not pairs or not wanted:
        return (None,) * len(inputs)
    outputs, cotangents = zip(*pairs, strict=True)
    with without_autocast(outputs[0]):
        found = iter(
            torch.autograd.grad(outputs, wanted, cotangents, create_graph=again, allow_unused=True)
        )
    return tuple(next(found) if need else None for need in needs)


def _keep_nothing(ctx: Any, inputs: Arguments, output: Any) -> None:
    ctx.set_materialize_grads(False)


def _refusal(name: str) -> Callable[..., Any]:
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        raise NotImplementedError(
            f"{NAMESPACE}::{name}: its derivative is not implemented, as it is the gradient of "
            "another operator; differentiate that operator twice instead"
        )

    return backward
