"""Part ``correctness``: values and gradients of every backend against a dense float64 oracle."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.timing import oracle
from benchmarks.timing.gpu.cases import Case, make_cases
from benchmarks.timing.gpu.part import FAILED, OK, Setting
from benchmarks.timing.gpu.repeats import repeat_works
from benchmarks.timing.oracle import Outputs, relative_error
from benchmarks.timing.turns import on_cuda
from benchmarks.timing.works import Row, Work
from pyg_diffpool import coarsen, diff_pool, link_prediction_loss
from pyg_diffpool.ops.backends import BACKENDS
from pyg_diffpool.ops.backends.triton.kernels import triton_available

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
        ours: Called with the three tensors, the backend, and the case's edges and graphs.
        oracle: Called with the case's graphs and the three tensors.
        backends: Whether it can be told which backend to use.
        outputs: Names of the results.
    """

    ours: Callable[..., Outputs]
    oracle: Callable[..., Outputs]
    backends: bool
    outputs: tuple[str, ...]


def _coarsen(x: Tensor, s: Tensor, weight: Any, **given: Any) -> Outputs:
    return coarsen(x, s, edge_weight=weight, **given)


def _diff_pool(x: Tensor, logits: Tensor, weight: Any, **given: Any) -> Outputs:
    return diff_pool(x, logits, edge_weight=weight, **given)


def _link(x: Tensor, logits: Tensor, weight: Any, backend: str, **given: Any) -> Outputs:
    s = logits.float().softmax(-1) if logits.dtype == torch.bfloat16 else logits.softmax(-1)
    return (link_prediction_loss(s, edge_weight=weight, **given),)


def _link_oracle(graphs: oracle.Graphs, x: Tensor, logits: Tensor, weight: Any) -> Outputs:
    return (oracle.link_loss(graphs, logits.softmax(-1), weight, "paper"),)


POOLED = ("x", "adj", "link", "entropy")
FUNCTIONS = {
    "coarsen": Function(_coarsen, oracle.coarsened, True, ("x", "adj", "gram")),
    "link_prediction_loss": Function(_link, _link_oracle, False, ("loss",)),
    **{
        label: Function(
            partial(_diff_pool, convention=convention),
            partial(oracle.pooled, convention=convention),
            True,
            POOLED,
        )
        for label, convention in (("diff_pool", "paper"), ("diff_pool, pyg", "pyg"))
    },
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
    rows, graphs = [], case.graphs
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
                "graphs": graphs.batch_size,
                "nodes": graphs.num_nodes,
                "edges": graphs.edge_index.size(1),
                "clusters": graphs.logits.size(1),
                "features": graphs.x.size(1),
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
    kind, graphs = DTYPES[dtype], case.graphs
    # Inputs are rounded first, so that the oracle is told what the kernels are.
    inputs = [graphs.x.to(kind), graphs.logits.to(kind)]
    if graphs.edge_weight is not None:
        inputs.append(graphs.edge_weight.to(torch.promote_types(kind, torch.float32)))
    ours = [value.to(device, copy=True).requires_grad_() for value in inputs]
    exact = [value.double().clone().requires_grad_() for value in inputs]
    with _autocast(device, kind):
        found = function.ours(*_with_weight(ours), backend=backend, **case.on(device))
    expected = function.oracle(graphs, *_with_weight(exact))
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
