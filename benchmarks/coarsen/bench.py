"""``python -m benchmarks coarsen``: DiffPool's coarsening against PyG's and tgp's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console

from benchmarks.coarsen.backend_sweep import sweep
from benchmarks.coarsen.batches import PROBLEMS, Problem, large_graph
from benchmarks.coarsen.contenders import (
    COMPILED,
    CONTENDERS,
    OURS,
    TGP,
    errors,
    why_not_compiled,
)
from benchmarks.coarsen.limits import Rates, limit, measure_rates
from benchmarks.coarsen.measure import peak_memory, summary, time_contenders
from benchmarks.coarsen.profile import profile
from benchmarks.coarsen.requirements import LARGE
from benchmarks.coarsen.spmm import kernel_rows
from benchmarks.coarsen.table import show
from benchmarks.errors import UsageError, unknown_name
from benchmarks.jsonl import append, new_file, provenance
from benchmarks.options import LARGEST_RANDOM_SEED, MOST_THREADS
from benchmarks.output_path import check_folder
from benchmarks.plain_console import PlainConsole

RESULTS = Path(__file__).parents[1] / "results" / "coarsen"
QUICK_SETS = ("ENZYMES", "PROTEINS")
FORMATS = ("rich", "markdown", "json")

Row = dict[str, Any]


def coarsen(
    data: Annotated[
        list[str] | None,
        typer.Option(help=f"Sets of batches, of {', '.join(PROBLEMS)}, {LARGE}; may be repeated."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=3, help="Timings of each contender, at most.")] = 15,
    seconds: Annotated[
        float, typer.Option(min=0, help="Begin no further round of a set after so long.")
    ] = 60.0,
    threads: Annotated[
        int, typer.Option(min=0, max=MOST_THREADS, help="Torch threads; 0: as torch has it.")
    ] = 0,
    seed: Annotated[
        int,
        typer.Option(min=0, max=LARGEST_RANDOM_SEED, help="Of graphs chosen, features and logits."),
    ] = 0,
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
    format_: Annotated[str, typer.Option("--format", help="rich, markdown or json.")] = "rich",
    out: Annotated[
        Path, typer.Option(help="Folder of results.", metavar="DIR", show_default=False)
    ] = RESULTS,
) -> list[Row]:
    """Time forward + backward of coarsening with both losses: ours, PyG's and tgp's.

    Contenders take turns within one process, on the same features, logits, edges and cotangents;
    conversions are part of the time. Each row is appended to a JSON lines file as it is finished.
    """
    if format_ not in FORMATS:
        raise unknown_name("format", format_, FORMATS)
    names = list(data or (QUICK_SETS if quick else (*PROBLEMS, LARGE)))
    for name in names:
        if name not in (*PROBLEMS, LARGE):
            raise unknown_name("set", name, (*PROBLEMS, LARGE))
    if backends and kernels:
        raise UsageError("--backends, --kernels: expected one of them")
    check_folder("--out", out)
    if quick:
        rounds, seconds, memory = 3, 0.0, False
    if threads:
        torch.set_num_threads(threads)
    console = PlainConsole(stderr=True)
    source = provenance(seed)
    what = "backends" if backends else "kernels" if kernels else "contenders"
    store = new_file(out, "" if what == "contenders" else f"{what}-")
    rows = []
    if backends:
        found = sweep(seed, quick)
    elif kernels:
        found = _kernel_rows(names, seed, rounds, seconds, console)
    else:
        found = _rows(names, seed, rounds, seconds, memory, console)
    for row in found:
        rows.append(row | source)
        append(store, rows[-1])
    show(rows, format_, what)
    if rows:
        console.print(f"{len(rows)} rows in {store}")
    return rows


def _rows(
    names: list[str], seed: int, rounds: int, seconds: float, memory: bool, console: Console
) -> Iterator[Row]:
    with console.status("measuring the machine"):
        rates = measure_rates()
    console.print(
        f"matrix product {rates.gemm / 1e9:.0f} GFLOP/s, copy {rates.copy / 1e9:.1f} GB/s, "
        f"{torch.get_num_threads()} threads"
    )
    for name, problems in _batches(names, seed, console):
        if name == LARGE:
            yield _large_row(name, problems)
        else:
            yield from _set_rows(name, problems, rates, rounds, seconds, memory)


def _kernel_rows(
    names: list[str], seed: int, rounds: int, seconds: float, console: Console
) -> Iterator[Row]:
    for name, problems in _batches(names, seed, console):
        yield from kernel_rows(name, problems, rounds, seconds)


def _batches(names: list[str], seed: int, console: Console) -> Iterator[tuple[str, list[Problem]]]:
    """Yield sets whose data are there, and show which one is running."""
    for name in names:
        with console.status(f"{name}: loading"):
            try:
                problems = large_graph(seed) if name == LARGE else PROBLEMS[name](seed)
            except (FileNotFoundError, OSError, UsageError) as error:
                console.print(f"{name}: skipped, its data are not there ({error})", markup=False)
                continue
        with console.status(f"{name}: running"):
            yield name, problems


def _set_rows(
    name: str, problems: list[Problem], rates: Rates, rounds: int, seconds: float, memory: bool
) -> Iterator[Row]:
    absent = {mode: "tgp is not installed" for mode in TGP if mode not in CONTENDERS}
    if reason := why_not_compiled():
        absent[COMPILED] = f"skipped: {reason}"
    present = [contender for contender in CONTENDERS if contender not in absent]
    times = time_contenders(present, problems, rounds, seconds)
    shape, limits = _shape(problems), limit(problems, rates)
    largest = max(problems, key=lambda problem: int(problem.sizes.max()))
    for contender in present:
        worst: dict[str, float] = {}
        for problem in problems:
            for kind, error in errors(CONTENDERS[contender], problem).items():
                worst[kind] = max(worst.get(kind, 0.0), error)
        # A process of its own would compile anew, for far longer than all others take.
        peak = peak_memory(contender, largest) if memory and contender != COMPILED else None
        row = {"set": name, "contender": contender, **shape, **summary(times[contender])}
        if contender.startswith("ours"):
            row |= {"limit": limits, "times_limit": row["median_ms"] / limits["limit_ms"]}
        if contender == OURS:
            row["profile_ms"] = profile(CONTENDERS[OURS], problems)
        yield row | {"peak_mib": peak, "relative_errors": worst}
    for contender, note in absent.items():
        yield {"set": name, "contender": contender, **shape, "note": note}


def _large_row(name: str, problems: list[Problem]) -> Row:
    """Measure memory alone, on a graph whose dense adjacency would take 40 GB."""
    return {
        "set": name,
        "contender": OURS,
        **_shape(problems),
        "peak_mib": peak_memory(OURS, problems[0]),
    }


def _shape(problems: list[Problem]) -> Row:
    sizes = torch.cat([problem.sizes for problem in problems])
    return {
        "batches": len(problems),
        "graphs": problems[0].batch_size,
        "nodes": round(int(sizes.sum()) / len(problems), 1),
        "mean_nodes": round(float(sizes.double().mean()), 1),
        "largest": int(sizes.max()),
        "edges": sum(problem.edge_index.size(1) for problem in problems),
        "features": problems[0].x.size(1),
        "clusters": [problem.logits.size(1) for problem in problems],
    }
