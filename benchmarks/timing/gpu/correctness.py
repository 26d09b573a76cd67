"""Part ``correctness``: values and gradients of every backend against a dense float64 oracle."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import torch

from benchmarks.timing.batches import Problem
from benchmarks.timing.gpu.cases import Case, make_cases, rounded
from benchmarks.timing.gpu.part import FAILED, OK, Setting
from benchmarks.timing.gpu.repeats import repeat_works
from benchmarks.timing.oracle import Outputs
from benchmarks.timing.rivals import Contender, errors, our_link_loss, ours, ours_without_losses
from benchmarks.timing.turns import on_cuda
from benchmarks.timing.works import Row, Work
from pyg_diffpool.ops.backends import BACKENDS
from pyg_diffpool.ops.backends.triton.kernels import triton_available

TRITON, AUTOCAST = "triton", "bfloat16 under autocast"

# The largest error over the largest value. float32 sums some hundred rounded products; bfloat16
# inputs have eight bits, and results return in bfloat16.
TOLERANCES = {"float64": 1e-11, "float32": 2e-5, AUTOCAST: 3e-2}
# Gradients arrive at results as normal numbers; one below this is zero but for rounding.
LEAST_SLOPE = 1e-3
DTYPES = {"float64": torch.float64, "float32": torch.float32, AUTOCAST: torch.bfloat16}


def functions(form: str, backend: str) -> dict[str, Contender]:
    """Return what is checked of a backend; the loss alone knows none."""
    found = {
        "coarsen": ours_without_losses(form, backend),
        "diff_pool": ours(form, backend, convention="paper"),
        "diff_pool, pyg": ours(form, backend),
    }
    return found | ({"link_prediction_loss": our_link_loss(form)} if backend == "auto" else {})


def correctness(setting: Setting) -> Iterable[Work]:
    """Yield one work a case and backend, then those about synchronising and repeating."""
    backends = available_backends(setting.device)
    for number, (name, case) in enumerate(make_cases(setting.seed, setting.quick).items()):
        for backend in backends:
            run = partial(check_case, name, case, backend, setting.device)
            yield Work(f"{name}, {backend}", run)
        if number == 3:
            # Before rarer cases: whether anything waits for the device or differs when repeated.
            yield from repeat_works(setting, backends)


def available_backends(device: str) -> list[str]:
    """Return the names of the backends that can run there, ``"auto"`` first."""
    fused = on_cuda(device) and triton_available()
    return ["auto", *(name for name in BACKENDS if name != TRITON or fused)]


def check_case(name: str, case: Case, backend: str, device: str) -> list[Row]:
    """Return one row a dtype: errors of all functions."""
    rows = []
    for dtype, tolerance in TOLERANCES.items():
        if backend == TRITON and dtype == "float64":
            # The kernels refuse it by design; "auto" is what takes another route.
            continue
        # Inputs are rounded first, so that the oracle is told what the kernels are.
        problem = rounded(case.problem, DTYPES[dtype]).on(device)
        found: dict[str, float] = {}
        for label, contender in functions(case.form, backend).items():
            if dtype == AUTOCAST:
                contender = contender._replace(run=partial(_under_autocast, contender, device))
            for kind, error in errors(contender, problem, least_slope=LEAST_SLOPE).items():
                found[f"{label}: {kind}"] = error
        # Written so that NaN fails.
        wrong = [kind for kind, error in found.items() if not error <= tolerance]
        rows.append(
            {
                "kind": "correctness",
                "case": name,
                "backend": backend,
                "dtype": dtype,
                "graphs": problem.batch_size,
                "nodes": problem.batch.numel(),
                "edges": problem.edge_index.size(1),
                "clusters": problem.logits.size(1),
                "features": problem.x.size(1),
                "form": case.form,
                "tolerance": tolerance,
                "errors": found,
                "wrong": wrong,
                "verdict": FAILED if wrong else OK,
            }
        )
    return rows


def _under_autocast(contender: Contender, device: str, problem: Problem) -> Outputs:
    with torch.autocast(device.partition(":")[0], dtype=torch.bfloat16):
        return contender.run(problem)
