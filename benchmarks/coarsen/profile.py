"""Where the time of our coarsening goes: the self times of torch's kernels, sorted by purpose.

The profiler gives each kernel its own time, without that of the kernels that it calls. A kernel's
purpose is that of the function of the library that it runs in (:data:`PURPOSES`, marked for the
profiler while this file measures, and only then); in the backward pass of what autograd recorded,
that of the function that recorded it; and where there is neither, its name's. What remains of the
wall time, which is taken without the profiler, is Python, dispatch, views, autograd's own work and
the freeing of memory.
The profiler makes each kernel a microsecond or so longer, so that this remainder is a lower bound.
"""

from __future__ import annotations

import functools
import importlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.profiler import ProfilerActivity, record_function

from benchmarks.coarsen.batches import Problem
from benchmarks.coarsen.contenders import Contender, forward_backward

SPARSE, GEMM, SOFTMAX = "sparse product", "GEMM", "softmax, entropy"
LOSSES, COPIES, EDGES = "losses", "copies, indices", "edges, checks"
OBJECTIVE, REST, PYTHON = "bench's objective", "other kernels", "Python, dispatch"
SHARES = (SPARSE, GEMM, SOFTMAX, LOSSES, COPIES, EDGES, OBJECTIVE, REST, PYTHON)

# Module, function as that module's code finds it, purpose; the innermost counts.
PURPOSES = (
    ("pyg_diffpool.ops.diff_pool", "sparse_level", EDGES),
    ("pyg_diffpool.ops.diff_pool", "soft_assignment_and_entropy", SOFTMAX),
    ("pyg_diffpool.ops.diff_pool", "sparse_entropy", SOFTMAX),
    ("pyg_diffpool.ops.diff_pool", "sparse_link_loss", LOSSES),
    ("pyg_diffpool.ops.diff_pool", "reduce_graphs", LOSSES),
    ("pyg_diffpool.ops.operator_level", "spmm", SPARSE),
    ("pyg_diffpool.ops.contraction_gradient", "spmm", SPARSE),
    ("pyg_diffpool.ops.contraction", "_squared_distances", LOSSES),
    ("pyg_diffpool.ops.contraction_gradient", "_onto_adj", LOSSES),
    ("pyg_diffpool.ops.contraction_gradient", "_onto_gram", LOSSES),
    ("benchmarks.coarsen.contenders", "_objective", OBJECTIVE),
)
MARK = "purpose: "

_BY_NAME = {
    GEMM: "mm bmm addmm baddbmm addbmm matmul",
    COPIES: "cat stack copy_ clone index index_select index_copy_ index_put_ _index_put_impl_ "
    "index_add_ gather scatter_ scatter_add_ sort argsort nonzero fill_ zero_ cumsum arange "
    "repeat_interleave masked_select masked_scatter_ embedding_dense_backward",
    # No kernel: a new look at a tensor, a check of its kind, a number fetched from it.
    PYTHON: "as_strided alias view reshape _unsafe_view _reshape_alias select slice split "
    "split_with_sizes unbind narrow diagonal t transpose permute unsqueeze squeeze expand detach "
    "detach_ lift_fresh to _to_copy contiguous empty empty_like empty_strided new_empty new_zeros "
    "new_ones zeros ones zeros_like ones_like resize_ resolve_conj resolve_neg promote_types "
    "result_type is_same_size is_nonzero item _local_scalar_dense dense_dim values crow_indices "
    "col_indices _nnz sparse_compressed_tensor _sparse_compressed_tensor_unsafe",
}
PURPOSE_OF_NAME = {
    f"aten::{name}": purpose for purpose, names in _BY_NAME.items() for name in names.split()
}


def profile(
    contender: Contender, problems: Sequence[Problem], repeats: int = 5
) -> dict[str, float]:
    """Return milliseconds a batch by purpose (:data:`SHARES`), which sum to the wall time.

    The fastest of several runs over all problems counts, with the profiler and without, in turns.
    """
    prepared = [contender.prepare(problem) for problem in problems]

    def seconds() -> float:
        begin = time.perf_counter()
        for problem in prepared:
            forward_backward(contender, problem)
        return time.perf_counter() - begin

    seconds()
    # On a busy machine, a run with the profiler may happen to be the faster one.
    walls, runs = [], []
    for _ in range(repeats):
        walls.append(seconds())
        with marked(), torch.profiler.profile(activities=[ProfilerActivity.CPU]) as profiler:
            walls.append(seconds())
        runs.append(by_purpose(profiler.events() or []))
    shares = fill_up(min(runs, key=lambda kernels: sum(kernels.values())), 1e6 * min(walls))
    return {purpose: spent / len(prepared) / 1e3 for purpose, spent in shares.items()}


def fill_up(kernels: dict[str, float], wall: float) -> dict[str, float]:
    """Return a time for each purpose, the rest of the wall time being Python's.

    Where profiled kernels took longer than all did without the profiler, they are scaled down.
    """
    total = sum(kernels.values())
    scale = min(1.0, wall / total) if total > 0 else 1.0
    shares = {purpose: scale * kernels.get(purpose, 0.0) for purpose in SHARES}
    return shares | {PYTHON: max(wall - sum(shares.values()), 0.0)}


def by_purpose(events: Iterable[Any]) -> dict[str, float]:
    """Sum the self times of kernels, in microseconds, by purpose; what is no kernel is left out."""
    events = list(events)
    recorders = _recorders(events)
    found: dict[str, float] = {}
    for event in events:
        named = _by_name(event.name)
        if named == PYTHON:
            continue
        purpose = _marked(event, recorders) or named
        found[purpose] = found.get(purpose, 0.0) + event.self_cpu_time_total
    return found


def _by_name(name: str) -> str:
    """Return the purpose that a kernel's name tells."""
    if not name.startswith("aten::"):
        return PYTHON
    known = PURPOSE_OF_NAME.get(name)
    if known is None:
        return SPARSE if "sparse" in name else REST
    return known


def _recorders(events: Sequence[Any]) -> dict[int, str]:
    """Return the marked purpose of what recorded each backward function, by sequence number.

    A number is shown by all that run until it is given to a function: the last is the one.
    """
    forward = [event for event in events if event.sequence_nr >= 0 and not _in_backward(event)]
    return {event.sequence_nr: _marked(event, {}) for event in forward}


def _in_backward(event: Any) -> bool:
    return any("evaluate_function" in each.name for each in _with_parents(event))


def _marked(event: Any, recorders: dict[int, str]) -> str:
    """Return the purpose of the innermost mark or recorded function around an event, or ``""``."""
    for each in _with_parents(event):
        if each.name.startswith(MARK):
            return str(each.name).removeprefix(MARK)
        if "evaluate_function" in each.name and each.sequence_nr in recorders:
            return recorders[each.sequence_nr]
    return ""


def _with_parents(event: Any) -> Iterator[Any]:
    while event is not None:
        yield event
        event = event.cpu_parent


@contextmanager
def marked() -> Iterator[None]:
    """Mark the functions of :data:`PURPOSES` for the profiler."""
    originals = []
    try:
        for module_name, name, purpose in PURPOSES:
            module = importlib.import_module(module_name)
            original = getattr(module, name)
            originals.append((module, name, original))
            setattr(module, name, _marking(original, purpose))
        yield
    finally:
        for module, name, original in originals:
            setattr(module, name, original)


def _marking(function: Callable[..., Any], purpose: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **settings: Any) -> Any:
        with record_function(MARK + purpose):
            return function(*arguments, **settings)

    return call
