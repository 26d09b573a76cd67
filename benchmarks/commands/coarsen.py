"""``python -m benchmarks coarsen``: DiffPool's coarsening against PyG's and tgp's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated

import torch
import typer

from benchmarks.commands import options
from benchmarks.commands.stopwatch import Session, check_names
from benchmarks.records.store import RESULTS
from benchmarks.spec.errors import UsageError
from benchmarks.timing.backend_sweep import sweep
from benchmarks.timing.batches import PROBLEMS, Problem, large_graph, shape
from benchmarks.timing.coarsen import LARGE, peak_alone, set_rows
from benchmarks.timing.coarsen_table import show
from benchmarks.timing.epoch_data import load_epoch_data
from benchmarks.timing.kernels import kernel_rows
from benchmarks.timing.limited_process import default_memory_gib
from benchmarks.timing.machine import Rates, measure_rates
from benchmarks.timing.pooling_rivals import DMON, MINCUT, POOLINGS
from benchmarks.timing.rivals import COMPILED, CONTENDERS, OURS, TGP, why_not_compiled
from benchmarks.timing.sparse_levels import BATCHES as LEVEL_BATCHES
from benchmarks.timing.sparse_levels import CONTENDERS as LEVEL_CONTENDERS
from benchmarks.timing.sparse_levels import SECONDS as LEVEL_SECONDS
from benchmarks.timing.sparse_levels import sparse_level_rows
from benchmarks.timing.works import Row, Work

QUICK_SETS = ("ENZYMES", "PROTEINS")
CONTENDER_ROWS, BACKENDS, KERNELS = "contenders", "backends", "kernels"
POOLING_ROWS = "poolings"
SPARSE_LEVELS, LEVEL_SET = "sparse-levels", "DD"


def coarsen(
    data: Annotated[
        list[str] | None,
        typer.Option(help=f"Sets of batches, of {', '.join(PROBLEMS)}, {LARGE}; may be repeated."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=3, help="Timings of each contender, at most.")] = 15,
    seconds: Annotated[
        float, typer.Option(min=0, help="Begin no further round of a set after so long.")
    ] = 60.0,
    threads: options.Threads = 0,
    seed: options.Seed = 0,
    memory: Annotated[
        bool, typer.Option(help="Measure peak memory, each contender in a process of its own.")
    ] = True,
    quick: Annotated[
        bool, typer.Option("--quick", help="Two small sets, three rounds, no memory.")
    ] = False,
    backends: Annotated[
        bool,
        typer.Option(
            "--backends", help="Instead, time both backends over a grid of sizes (JSON lines)."
        ),
    ] = False,
    kernels: Annotated[
        bool,
        typer.Option(
            "--kernels", help="Instead, time sparse products and segment sums on the batches."
        ),
    ] = False,
    poolings: Annotated[
        bool,
        typer.Option(
            "--poolings", help="Instead, time MinCut and DMoN pooling: ours, PyG's and tgp's."
        ),
    ] = False,
    sparse_levels: Annotated[
        bool,
        typer.Option(
            "--sparse-levels",
            help="Instead, train networks with sparse pooled levels and with padded ones on DD.",
        ),
    ] = False,
    format_: options.Format = "rich",
    out: options.OutFolder = RESULTS / "coarsen",
    resume: options.Resume = None,
) -> list[Row]:
    """Time forward + backward of coarsening with both losses: ours, PyG's and tgp's.

    Contenders take turns within one process, on the same features, logits, edges and cotangents;
    conversions are part of the time. Rows are appended to a JSON lines file as each set is done.
    """
    names = list(data or (QUICK_SETS if quick else (*PROBLEMS, LARGE)))
    check_names("set", names, (*PROBLEMS, LARGE))
    if backends + kernels + poolings + sparse_levels > 1:
        raise UsageError("--backends, --kernels, --poolings, --sparse-levels: expected one of them")
    if quick:
        rounds, seconds, memory = 3, 0.0, False
    what = BACKENDS if backends else KERNELS if kernels else CONTENDER_ROWS
    what = SPARSE_LEVELS if sparse_levels else what
    if poolings:
        what, names = POOLING_ROWS, [name for name in names if name != LARGE]
    config = {"rounds": rounds, "seconds": seconds, "quick": quick}
    prefix = "" if what == CONTENDER_ROWS else f"{what}-"
    session = Session(format_, out, config, seed, threads, resume, prefix)
    if what == BACKENDS:
        works = sweep(seed, quick, session.lines)
    elif what == SPARSE_LEVELS:
        works = _level_works(seed, quick, session)
    elif what == KERNELS:
        works = (
            Work(name, partial(kernel_rows, name, problems, rounds, seconds))
            for name, problems in _batches(names, seed, session)
        )
    elif what == POOLING_ROWS:
        works = (
            Work(name, partial(_pooling_rows, name, problems, rounds, seconds, memory))
            for name, problems in _batches(names, seed, session)
        )
    else:
        works = _contender_works(names, seed, rounds, seconds, memory, session)
    session.run(works)
    return session.finish(partial(show, what=what))


def _contender_works(
    names: list[str], seed: int, rounds: int, seconds: float, memory: bool, session: Session
) -> Iterator[Work]:
    with session.console.status("measuring the machine"):
        rates = measure_rates()
    session.console.print(
        f"matrix product {rates.flops_per_s['float32'] / 1e9:.0f} GFLOP/s, copy "
        f"{rates.bytes_per_s / 1e9:.1f} GB/s, {torch.get_num_threads()} threads"
    )
    for name, problems in _batches(names, seed, session):
        if name == LARGE:
            # Its dense adjacency would take 40 GB: memory alone is measured.
            yield Work(name, partial(_peak_row, name, problems))
        else:
            yield Work(name, partial(_set_rows, name, problems, rates, rounds, seconds, memory))


def _level_works(seed: int, quick: bool, session: Session) -> Iterator[Work]:
    """Yield a work for each contender, and of a quick run the first two on a single batch."""
    load = partial(load_epoch_data, LEVEL_SET)
    if session.load(LEVEL_SET, load) is None:
        return
    contenders, batches = (LEVEL_CONTENDERS[:2], 1) if quick else (LEVEL_CONTENDERS, LEVEL_BATCHES)
    limits = default_memory_gib(), LEVEL_SECONDS
    for contender in contenders:
        given = (LEVEL_SET, load, (contender,), batches, seed, *limits, session.tell)
        yield Work(f"{LEVEL_SET}, {contender}", partial(sparse_level_rows, *given))


def _peak_row(name: str, problems: list[Problem]) -> list[Row]:
    peak = peak_alone(OURS, problems[0])
    return [{"set": name, "contender": OURS, **shape(problems), "peak_mib": peak}]


def _set_rows(
    name: str, problems: list[Problem], rates: Rates, rounds: int, seconds: float, memory: bool
) -> list[Row]:
    absent = {mode: "tgp is not installed" for mode in TGP if mode not in CONTENDERS}
    if reason := why_not_compiled():
        absent[COMPILED] = f"skipped: {reason}"
    present = {key: contender for key, contender in CONTENDERS.items() if key not in absent}
    rows = set_rows(name, problems, present, rounds, seconds, memory=memory, rates=rates)
    notes = {"set": name, **shape(problems)}
    return rows + [notes | {"contender": key, "note": note} for key, note in absent.items()]


def _pooling_rows(
    name: str, problems: list[Problem], rounds: int, seconds: float, memory: bool
) -> list[Row]:
    rows = set_rows(name, problems, POOLINGS, rounds, seconds, memory=memory)
    absent = [f"{layer}, {mode}" for layer in (MINCUT, DMON) for mode in TGP]
    notes = {"set": name, **shape(problems), "note": "tgp is not installed"}
    return rows + [notes | {"contender": key} for key in absent if key not in POOLINGS]


def _batches(names: list[str], seed: int, session: Session) -> Iterator[tuple[str, list[Problem]]]:
    """Yield sets whose data are there."""
    for name in names:
        load = large_graph if name == LARGE else PROBLEMS[name]
        problems = session.load(name, partial(load, seed))
        if problems is not None:
            yield name, problems
