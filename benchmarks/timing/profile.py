"""Where the time of our coarsening goes: the self times of torch's kernels, sorted by name.

The profiler gives each kernel its own time, without that of the kernels that it calls; the bench's
own objective is marked for it. What remains of the wall time, which is taken without the profiler,
is Python, dispatch, views, autograd's own work and the freeing of memory. The profiler makes each
kernel a microsecond or so longer, so that this remainder is a lower bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.profiler import ProfilerActivity

from benchmarks.timing.batches import Problem
from benchmarks.timing.rivals import OBJECTIVE, Contender, all_of
from benchmarks.timing.turns import timed

PRODUCTS, SOFTMAX, COPIES = "products", "softmax", "copies, indices"
REST, PYTHON = "other kernels", "Python, dispatch"
SHARES = (PRODUCTS, SOFTMAX, COPIES, OBJECTIVE, REST, PYTHON)

_BY_NAME = {
    PRODUCTS: "mm bmm addmm baddbmm addbmm matmul",
    SOFTMAX: "softmax _softmax _softmax_backward_data log_softmax _log_softmax",
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
    step = all_of(contender, problems)
    step()
    # On a busy machine, a run with the profiler may happen to be the faster one.
    walls, runs = [], []
    for _ in range(repeats):
        walls.append(timed(step))
        with torch.profiler.profile(activities=[ProfilerActivity.CPU]) as profiler:
            walls.append(timed(step))
        runs.append(by_purpose(profiler.events() or []))
    shares = fill_up(min(runs, key=lambda kernels: sum(kernels.values())), 1e6 * min(walls))
    return {purpose: spent / len(problems) / 1e3 for purpose, spent in shares.items()}


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
    found: dict[str, float] = {}
    for event in events:
        purpose = OBJECTIVE if _within_objective(event) else _by_name(event.name)
        if _by_name(event.name) != PYTHON:
            found[purpose] = found.get(purpose, 0.0) + event.self_cpu_time_total
    return found


def _by_name(name: str) -> str:
    """Return the purpose that a kernel's name tells."""
    if not name.startswith("aten::"):
        return PYTHON
    return PURPOSE_OF_NAME.get(name) or (PRODUCTS if "sparse" in name else REST)


def _within_objective(event: Any) -> bool:
    while event is not None and event.name != OBJECTIVE:
        event = event.cpu_parent
    return event is not None
