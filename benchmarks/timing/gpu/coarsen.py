"""Part ``coarsen``: coarsening with both losses against PyG's dense route and tgp."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from benchmarks.timing.batches import PROBLEMS, REAL_BATCH_SIZES, Problems, large_ragged
from benchmarks.timing.coarsen import set_rows
from benchmarks.timing.gpu.correctness import available_backends
from benchmarks.timing.gpu.part import WARM_UP, Setting
from benchmarks.timing.rivals import COMPILED, CONTENDERS, OURS, Contender, told_the_sizes
from benchmarks.timing.turns import on_cuda
from benchmarks.timing.works import Row, Work

# The sets that targets are set for first.
REAL_OR_LIKE = ("REDDIT-like", "DD", "COLLAB", "PROTEINS", "ENZYMES")
LARGE_NODES = (100_000, 1_000_000)
# Where a dense float64 reference would take minutes; the part on correctness has the errors.
MOST_REFERENCE_NODES = 50_000


def problem_sets() -> dict[str, Problems]:
    """Return the sets of batches, the most telling first."""
    known = {name: PROBLEMS[name] for name in REAL_OR_LIKE}
    large: dict[str, Problems] = {
        f"{number:,} nodes, ragged": lambda seed, number=number: [large_ragged(seed, number)]  # type: ignore[misc]
        for number in LARGE_NODES
    }
    first = {name: known.pop(name) for name in REAL_OR_LIKE[:2]}
    return {**first, **large, **known}


def coarsen(setting: Setting) -> Iterable[Work]:
    """Yield one work a set of batches."""
    for name, problems in problem_sets().items():
        data = name if name in REAL_BATCH_SIZES else None
        yield Work(name, partial(measure_set, name, problems, setting), data)


def measure_set(name: str, problems: Problems, setting: Setting) -> list[Row]:
    """Time all contenders on a set, in turns."""
    device = setting.device
    found = [problem.on(device) for problem in problems(setting.seed)]
    rounds, seconds = (15, 8.0) if setting.quick else (50, 60.0)
    rows = set_rows(
        name,
        found,
        contenders(device, not setting.quick),
        rounds,
        setting.left(seconds),
        device=device,
        warm_up=WARM_UP,
        memory=on_cuda(device),
        checked=[problem for problem in found[:1] if problem.batch.numel() <= MOST_REFERENCE_NODES],
    )
    return [{"kind": "coarsen", **row} for row in rows]


def contenders(device: str, compiled: bool = False) -> dict[str, Contender]:
    """Return all contenders, those that are told the largest graph first.

    Backends are compared among these, without what a measured width costs. Compiling takes a
    minute, and is left out unless asked for.
    """
    left_out = () if compiled else (COMPILED,)
    plain = {
        name: contender
        for name, contender in CONTENDERS.items()
        if not name.startswith(f"{OURS}, ") and name not in left_out
    }
    return told_the_sizes(available_backends(device)) | plain
