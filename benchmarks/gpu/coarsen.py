"""Part ``coarsen``: coarsening with both losses against PyG's dense route and tgp."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch_geometric import EdgeIndex
from torch_geometric.nn import dense_diff_pool
from torch_geometric.utils import to_dense_adj, to_dense_batch

from benchmarks.coarsen.batches import PROBLEMS, REAL_BATCH_SIZES, Problem
from benchmarks.coarsen.contenders import (
    COMPILED,
    CONTENDERS,
    OURS,
    PYG,
    Contender,
    Outputs,
    errors,
    forward_backward,
)
from benchmarks.errors import UsageError
from benchmarks.gpu.batches import large_ragged
from benchmarks.gpu.correctness import available_backends
from benchmarks.gpu.data import data_there
from benchmarks.gpu.measure import (
    OUT_OF_MEMORY,
    Step,
    describe,
    free_memory,
    peak_memory,
    problem_on,
    summary,
    time_in_turns,
)
from benchmarks.gpu.part import DATA_MISSING, Row, Setting, Work, verdict
from pyg_diffpool import diff_pool

OURS_GIVEN, PYG_GIVEN = f"{OURS}, sizes given", f"{PYG}, sizes given"
REQUIRED_TIMES = {"DD": 10.0, "REDDIT-like": 50.0}
REQUIRED_MEMORY_TIMES = 50.0
LARGE_NODES = (100_000, 1_000_000)
# Where a dense float64 reference would take minutes; the part on correctness has the errors.
MOST_REFERENCE_NODES = 50_000

Problems = Callable[[int], list[Problem]]


def problem_sets() -> dict[str, Problems]:
    """Return the sets of batches, those that targets are set for first."""
    large: dict[str, Problems] = {
        f"{number:,} nodes, ragged": lambda seed, number=number: [large_ragged(seed, number)]  # type: ignore[misc]
        for number in LARGE_NODES
    }
    first = {name: PROBLEMS[name] for name in REQUIRED_TIMES if name in PROBLEMS}
    return {**dict(reversed(first.items())), **large, **dict(reversed(PROBLEMS.items()))}


def coarsen(setting: Setting) -> Iterable[Work]:
    """Yield one work a set of batches."""
    for name, problems in problem_sets().items():
        yield Work(name, partial(measure_set, name, problems, setting))


def measure_set(name: str, problems: Problems, setting: Setting) -> list[Row]:
    """Time all contenders on a set, in turns, and compare."""
    device = setting.device
    if name in REAL_BATCH_SIZES and not data_there(name):
        return [{"kind": "coarsen", "set": name, "note": DATA_MISSING}]
    try:
        found = [problem_on(problem, device) for problem in problems(setting.seed)]
    except (OSError, UsageError):
        return [{"kind": "coarsen", "set": name, "note": DATA_MISSING}]
    contenders = [contenders_of(problem, device, not setting.quick) for problem in found]
    steps = {
        contender: _step([(one[contender], p) for one, p in zip(contenders, found, strict=True)])
        for contender in contenders[0]
    }
    rounds, seconds = (15, 8.0) if setting.quick else (50, 60.0)
    times = time_in_turns(steps, device, rounds, setting.left(seconds))
    largest = max(range(len(found)), key=lambda number: int(found[number].sizes.max()))
    shape = _shape(found)
    rows: list[Row] = []
    for contender, timing in times.items():
        row: Row = {"kind": "coarsen", "set": name, "contender": contender, **shape}
        row |= summary(timing)
        if timing.seconds:
            row |= {key: row[key] / len(found) for key in row if key.endswith("_ms")}
            one = _step([(contenders[largest][contender], found[largest])])
            row["peak_mib"], row["peak_note"] = peak_memory(one, device)
            row["relative_errors"] = _errors(contenders[0][contender], found[0])
            free_memory(device)
        rows.append(row)
    return rows + requirements(name, rows)


def contenders_of(problem: Problem, device: str, compiled: bool = False) -> dict[str, Contender]:
    """Return all contenders on a problem, those among them that are told the largest graph.

    Compiling takes a minute, and is left out unless asked for.
    """
    width = int(problem.sizes.max())
    found = {OURS_GIVEN: Contender(partial(_ours, "auto", width), "pyg")}
    backends = available_backends(device)
    for backend in backends:
        if backend != "auto":
            run = partial(_ours, backend, width)
            found[f"{OURS_GIVEN}, {backend}"] = Contender(run, "pyg")
    found[PYG_GIVEN] = Contender(partial(_pyg, width), "pyg")
    # Backends are compared above, without what a measured width costs.
    left_out = () if compiled else (COMPILED,)
    plain = [
        name for name in CONTENDERS if not name.startswith(f"{OURS}, ") and name not in left_out
    ]
    return found | {name: CONTENDERS[name] for name in plain}


def _ours(backend: str, width: int, problem: Problem) -> Outputs:
    """Pool a batch as ``ResidentLoader`` gives it: declared undirected, the largest graph known."""
    size = (problem.batch.numel(), problem.batch.numel())
    edge_index = EdgeIndex(
        problem.edge_index, sparse_size=size, sort_order="row", is_undirected=True
    )
    return diff_pool(
        problem.x,
        problem.logits,
        edge_index,
        batch=problem.batch,
        batch_size=problem.batch_size,
        max_num_nodes=width,
        convention="pyg",
        backend=backend,
    )


def _pyg(width: int, problem: Problem) -> Outputs:
    """Give PyG's dense route the same knowledge."""
    size = problem.batch_size
    x, mask = to_dense_batch(problem.x, problem.batch, max_num_nodes=width, batch_size=size)
    s, _ = to_dense_batch(problem.logits, problem.batch, max_num_nodes=width, batch_size=size)
    adj = to_dense_adj(problem.edge_index, problem.batch, max_num_nodes=width, batch_size=size)
    pooled, pooled_adj, link, entropy = dense_diff_pool(x, adj, s, mask)
    return pooled, pooled_adj, link, entropy


def _step(given: list[tuple[Contender, Problem]]) -> Step:
    pairs = [(contender, contender.prepare(problem)) for contender, problem in given]

    def run() -> None:
        for contender, problem in pairs:
            forward_backward(contender, problem)

    return run


def _errors(contender: Contender, problem: Problem) -> dict[str, float] | str | None:
    if problem.batch.numel() > MOST_REFERENCE_NODES:
        return None
    try:
        return errors(contender, problem)
    except RuntimeError as error:
        return describe(error)


def requirements(name: str, rows: list[Row]) -> list[Row]:
    """Return a row for each comparison with PyG: ours as loaded against the better PyG."""
    by_name = {row["contender"]: row for row in rows}
    ours, rivals = by_name[OURS_GIVEN], [by_name[rival] for rival in (PYG, PYG_GIVEN)]
    found = []
    for key, what, required in (
        ("median_ms", "times as fast as PyG", REQUIRED_TIMES.get(name)),
        (
            "peak_mib",
            "PyG's peak memory over ours",
            REQUIRED_MEMORY_TIMES if name in REQUIRED_TIMES else None,
        ),
    ):
        row: dict[str, Any] = {
            "kind": "requirement", "set": name, "what": what, "required": required,
        }  # fmt: skip
        mine, theirs = ours.get(key), [r[key] for r in rivals if r.get(key) is not None]
        if mine and theirs:
            row["measured"] = min(theirs) / mine
            row["verdict"] = "" if required is None else verdict(row["measured"] >= required)
        else:
            row["measured"], row["verdict"] = None, ""
            row["note"] = _why_not(ours, rivals)
        found.append(row)
    return found


def _why_not(ours: Row, rivals: list[Row]) -> str:
    if ours.get("note"):
        return f"ours: {ours['note']}"
    notes = {str(rival["note"]) for rival in rivals if rival.get("note")}
    if notes == {OUT_OF_MEMORY}:
        return "PyG runs out of memory"
    return "; ".join(sorted(notes)) or "not measured"


def _shape(problems: list[Problem]) -> Row:
    sizes = torch.cat([problem.sizes for problem in problems])
    return {
        "batches": len(problems),
        "graphs": problems[0].batch_size,
        "nodes": int(sizes.sum()),
        "mean_nodes": round(float(sizes.double().mean()), 1),
        "largest": int(sizes.max()),
        "edges": sum(problem.edge_index.size(1) for problem in problems),
        "features": problems[0].x.size(1),
        "clusters": [problem.logits.size(1) for problem in problems],
    }
