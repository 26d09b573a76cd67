"""Part ``correctness``: values and gradients of every backend against a dense float64 oracle."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.gpu.cases import (
    Case,
    Outputs,
    coarsen_oracle,
    diff_pool_oracle,
    link_oracle,
    make_cases,
)
from benchmarks.gpu.measure import on_cuda
from benchmarks.gpu.part import FAILED, OK, Row, Setting, Work
from benchmarks.gpu.repeats import repeat_works
from pyg_diffpool import coarsen, diff_pool, link_prediction_loss
from pyg_diffpool.ops.backends import BACKENDS
from pyg_diffpool.ops.triton_kernels import triton_available

TRITON = "triton"

# The largest error over the largest value. float32 sums some hundred rounded products; bfloat16
# inputs have eight bits, and results return in bfloat16.
TOLERANCES = {"float64": 1e-11, "float32": 2e-5, "bfloat16 under autocast": 3e-2}
# Gradients arrive at results as normal numbers; one below this is zero but for rounding.
LEAST_SLOPE = 1e-3
DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16 under autocast": torch.bfloat16,
}


class Function(NamedTuple):
    """A function of features, assignment (or logits) and weights, and its oracle.

    Attributes:
        ours: Called with a case, a device, a backend, and the three tensors.
        oracle: Called with a case and the three tensors.
        backends: Whether it can be told which backend to use.
        outputs: Names of the results.
    """

    ours: Callable[..., Outputs]
    oracle: Callable[..., Outputs]
    backends: bool
    outputs: tuple[str, ...]


def _arguments(case: Case, device: str) -> dict[str, Any]:
    return {
        "edge_index": case.edges_on(device),
        "batch": case.batch.to(device),
        "batch_size": len(case.sizes),
    }


def _coarsen(case: Case, device: str, backend: str, x: Tensor, s: Tensor, weight: Any) -> Outputs:
    return coarsen(x, s, edge_weight=weight, backend=backend, **_arguments(case, device))


def _diff_pool(
    convention: str, case: Case, device: str, backend: str, x: Tensor, logits: Tensor, weight: Any
) -> Outputs:
    return diff_pool(
        x,
        logits,
        edge_weight=weight,
        backend=backend,
        convention=convention,
        **_arguments(case, device),
    )


def _link(case: Case, device: str, backend: str, x: Tensor, logits: Tensor, weight: Any) -> Outputs:
    s = logits.float().softmax(-1) if logits.dtype == torch.bfloat16 else logits.softmax(-1)
    return (link_prediction_loss(s, edge_weight=weight, **_arguments(case, device)),)


def _diff_pool_oracle(convention: str, *arguments: Any) -> Outputs:
    return diff_pool_oracle(*arguments, convention)


def _link_oracle(case: Case, x: Tensor, logits: Tensor, weight: Tensor | None) -> Outputs:
    return (link_oracle(case, logits.softmax(-1), weight, "paper"),)


POOLED = ("x", "adj", "link", "entropy")
FUNCTIONS = {
    "coarsen": Function(_coarsen, coarsen_oracle, True, ("x", "adj", "gram")),
    "diff_pool": Function(
        partial(_diff_pool, "paper"), partial(_diff_pool_oracle, "paper"), True, POOLED
    ),
    "diff_pool, pyg": Function(
        partial(_diff_pool, "pyg"), partial(_diff_pool_oracle, "pyg"), True, POOLED
    ),
    "link_prediction_loss": Function(_link, _link_oracle, False, ("loss",)),
}


def correctness(setting: Setting) -> Iterable[Work]:
    """Yield one work a case and backend, then those about synchronising and repeating."""
    backends = available_backends(setting.device)
    for number, (name, case) in enumerate(make_cases(setting.seed, setting.quick).items()):
        for backend in backends:
            run = partial(check_case, name, case, backend, setting.device, setting.seed)
            yield Work(f"{name}, {backend}", run)
        if number == 3:
            # Before rarer cases: whether anything waits for the device or differs when repeated.
            yield from repeat_works(setting, backends)


def available_backends(device: str) -> list[str]:
    """Return the names of the backends that can run there, ``"auto"`` first."""
    fused = on_cuda(device) and triton_available()
    return ["auto", *(name for name in BACKENDS if name != TRITON or fused)]


def check_case(name: str, case: Case, backend: str, device: str, seed: int) -> list[Row]:
    """Return one row a dtype: errors of all functions."""
    rows = []
    for dtype, tolerance in TOLERANCES.items():
        if backend == TRITON and dtype == "float64":
            # The kernels refuse it by design; "auto" is what takes another route.
            continue
        found: dict[str, float] = {}
        for label, function in FUNCTIONS.items():
            if function.backends or backend == "auto":
                for kind, error in errors(function, case, backend, device, dtype, seed).items():
                    found[f"{label}: {kind}"] = error
        # Written so that NaN fails.
        wrong = [kind for kind, error in found.items() if not error <= tolerance]
        rows.append(
            {
                "kind": "correctness",
                "case": name,
                "backend": backend,
                "dtype": dtype,
                "graphs": len(case.sizes),
                "nodes": case.x.size(0),
                "edges": case.edge_index.size(1),
                "clusters": case.logits.size(1),
                "features": case.x.size(1),
                "form": case.form,
                "tolerance": tolerance,
                "errors": found,
                "wrong": wrong,
                "verdict": FAILED if wrong else OK,
            }
        )
    return rows


def errors(
    function: Function, case: Case, backend: str, device: str, dtype: str, seed: int
) -> dict[str, float]:
    """Return the error of each result and gradient, relative to its largest exact value."""
    kind = DTYPES[dtype]
    # Inputs are rounded first, so that the oracle is told what the kernels are.
    inputs = [case.x.to(kind), case.logits.to(kind)]
    if case.edge_weight is not None:
        inputs.append(case.edge_weight.to(torch.promote_types(kind, torch.float32)))
    ours = [value.to(device, copy=True).requires_grad_() for value in inputs]
    exact = [value.double().clone().requires_grad_() for value in inputs]
    with _autocast(device, kind):
        found = function.ours(case, device, backend, *_with_weight(ours))
    expected = function.oracle(case, *_with_weight(exact))
    generator = torch.Generator().manual_seed(seed)
    onto = [torch.randn(v.shape, generator=generator, dtype=torch.float64) for v in expected]
    gradients = _gradients(found, ours, [value.to(device) for value in onto])
    exact_gradients = _gradients(expected, exact, onto)
    measured = {
        label: relative_error(got, want)
        for label, got, want in zip(function.outputs, found, expected, strict=True)
    }
    names = ("gradient of x", "gradient of s", "gradient of weights")[: len(ours)]
    return measured | {
        label: relative_error(got, want, LEAST_SLOPE)
        for label, got, want in zip(names, gradients, exact_gradients, strict=True)
    }


def relative_error(got: Tensor, want: Tensor, least: float = 0.0) -> float:
    """Return the largest error over the largest exact value; infinite for another shape."""
    got, want = got.detach().cpu().double(), want.detach()
    if got.shape != want.shape:
        return float("inf")
    if want.numel() == 0:
        return 0.0
    scale = max(float(want.abs().max()), least)
    return float((got - want).abs().max()) / (scale if scale > 0 else 1.0)


def _gradients(outputs: Outputs, inputs: list[Tensor], onto: list[Tensor]) -> list[Tensor]:
    total = sum((value.double() * slope).sum() for value, slope in zip(outputs, onto, strict=True))
    assert isinstance(total, Tensor)
    slopes = torch.autograd.grad(total, inputs, allow_unused=True)
    return [
        torch.zeros_like(value) if slope is None else slope
        for value, slope in zip(inputs, slopes, strict=True)
    ]


def _with_weight(inputs: list[Tensor]) -> list[Tensor | None]:
    return [*inputs, None] if len(inputs) == 2 else list(inputs)


def _autocast(device: str, kind: torch.dtype) -> AbstractContextManager[Any]:
    if kind != torch.bfloat16:
        return nullcontext()
    return torch.autocast(device.partition(":")[0], dtype=torch.bfloat16)
