"""Part ``ceilings``: achieved bytes and operations a second against what the device can do."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, partial

import torch
from torch import Tensor

from benchmarks.timing.batches import Problem, large_ragged, narrowed
from benchmarks.timing.gpu.part import WARM_UP, Setting
from benchmarks.timing.machine import (
    KINDS,
    Counts,
    Rates,
    contract_counts,
    expand_counts,
    least_of,
    measure_rates,
    step_counts,
)
from benchmarks.timing.rivals import OURS_GIVEN, all_of, told_the_sizes
from benchmarks.timing.targets import verdict
from benchmarks.timing.turns import Step, Timing, free_memory, on_cuda, summary, take_turns
from benchmarks.timing.works import Row, Work
from pyg_diffpool.ops.backends.triton.kernels import contract, expand, triton_available

STEP = "diff_pool, forward and backward"
REQUIRED_SHARE = 0.6
JUDGED_ABOVE = 100_000
NODES = (120_000, 1_000_000)
# The most telling first: each pair costs the compilation of its programs.
SHAPES = ((64, 64), (128, 128), (32, 64), (64, 128), (128, 64), (32, 128))
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@lru_cache(maxsize=1)
def measured_rates(device: str) -> Rates:
    """Return the ceilings of the device, measured once."""
    return measure_rates(device, tuple(KINDS))


def ceilings(setting: Setting) -> Iterable[Work]:
    """Yield the rates, then one work a width and format."""
    yield Work("rates", partial(rates_rows, setting.device))
    for clusters, features in SHAPES:
        for kind in DTYPES:
            yield Work(
                f"K = {clusters}, F = {features}, {kind}",
                partial(measure_shape, clusters, features, kind, setting, NODES),
            )


def rates_rows(device: str) -> list[Row]:
    """Return one row: the ceilings themselves."""
    rates = measured_rates(device)
    return [{"kind": "rates", **rates._asdict()}]


def measure_shape(
    clusters: int, features: int, kind: str, setting: Setting, nodes: tuple[int, ...]
) -> list[Row]:
    """Time the contraction alone, its gradient, and the whole step, on each size of batch."""
    rows: list[Row] = []
    for number in nodes:
        widest = large_ragged(setting.seed, number, *map(max, zip(*SHAPES, strict=True)))
        problem = narrowed(widest, clusters, features).on(setting.device)
        rows += measure_batch(problem, kind, setting)
        free_memory(setting.device)
    return rows


def measure_batch(problem: Problem, kind: str, setting: Setting) -> list[Row]:
    """Return a row for each pass of the contraction, and one for the whole step."""
    device, dtype = setting.device, DTYPES[kind]
    rates = measured_rates(device)
    typed = problem._replace(x=problem.x.to(dtype), logits=problem.logits.to(dtype))
    shape = {
        "nodes": problem.batch.numel(),
        "edges": problem.edge_index.size(1),
        "graphs": problem.batch_size,
        "clusters": problem.logits.size(1),
        "features": problem.x.size(1),
        "dtype": kind,
    }
    widths = (problem.batch_size, shape["clusters"], shape["features"], dtype.itemsize)
    nodes, edges = problem.batch.numel(), problem.edge_index.size(1)
    passes: dict[str, tuple[Step, Counts]] = {}
    rows: list[Row] = []
    if on_cuda(device) and triton_available():
        forward, backward = contraction_passes(typed, dtype)
        passes["contraction, forward"] = forward, contract_counts(nodes, *widths)
        passes["contraction, backward"] = backward, expand_counts(nodes, *widths)
    else:
        note = "the fused kernels need a GPU and triton"
        rows.append({"kind": "ceiling", "what": "contraction", **shape, "note": note})
    ours = told_the_sizes(["auto"])[OURS_GIVEN]
    passes[STEP] = all_of(ours, [typed]), step_counts(nodes, edges, *widths)
    steps = {what: step for what, (step, _) in passes.items()}
    rounds, seconds = (15, 3.0) if setting.quick else (100, 15.0)
    times = take_turns(steps, rounds, setting.left(seconds), device, WARM_UP, keep_going=True)
    for what, timing in times.items():
        row = {"kind": "ceiling", "what": what, **shape, **summary(timing)}
        row |= achieved(timing, passes[what][1], rates, kind, nodes)
        if kind == "float32" and what == STEP:
            # The bound of the coarsening bench, which counts inputs and results alone.
            row["least_ms"] = 1e3 * least_of(typed).ceiling_seconds(rates)[0]
        rows.append(row)
    return rows


def achieved(timing: Timing, counts: Counts, rates: Rates, kind: str, nodes: int) -> Row:
    """Return rates, and the share of the ceiling: the larger of both least times over the time."""
    if timing.median is None:
        return {}
    least, bound = counts.ceiling_seconds(rates, kind)
    share = least / timing.median
    judged = nodes > JUDGED_ABOVE
    return {
        "bytes": counts.bytes,
        "flops": counts.flops,
        "bytes_per_s": counts.bytes / timing.median,
        "flops_per_s": counts.flops / timing.median,
        "ceiling_ms": 1e3 * least,
        "bound": bound,
        "share": share,
        "required": REQUIRED_SHARE if judged else None,
        "verdict": verdict(share >= REQUIRED_SHARE) if judged else "",
    }


def contraction_passes(problem: Problem, dtype: torch.dtype) -> tuple[Step, Step]:
    """Return both passes of the fused kernels, on operands of one format."""
    x, s = problem.x.to(dtype), problem.logits.float().softmax(-1).to(dtype)
    p: Tensor = torch.randn_like(s)
    ptr = torch.cat([problem.sizes.new_zeros(1), problem.sizes.cumsum(0)])
    onto = (problem.grad_x.float(), problem.grad_adj.float(), problem.grad_adj.float())
    size = problem.batch_size
    return (lambda: contract(x, p, s, ptr, size), lambda: expand(x, p, s, ptr, *onto))
