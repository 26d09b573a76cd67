"""``python -m benchmarks epoch``: a training epoch, and a run of ten folds, against PyG and tgp."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console

from benchmarks.device import choose_device
from benchmarks.epoch.contenders import (
    OURS,
    PYG,
    PYG_DROPPED,
    TGP,
    Options,
    contenders,
    make_trainee,
)
from benchmarks.epoch.data import DROPPED_ABOVE, EpochData, load_epoch_data
from benchmarks.epoch.folds import FOLDS, ONE, PROCESSES, STREAMS, run_folds
from benchmarks.epoch.measure import epoch_row, sampled_row, take_turns
from benchmarks.epoch.networks import TGP_INSTALLED
from benchmarks.epoch.table import show_rows
from benchmarks.errors import UsageError, unknown_name
from benchmarks.jsonl import ResultLines
from benchmarks.limited_process import default_memory_gib, run_limited
from benchmarks.options import LARGEST_RANDOM_SEED, MOST_THREADS
from benchmarks.output_path import check_folder
from benchmarks.plain_console import PlainConsole
from benchmarks.recipe import DATASETS

RESULTS = Path(__file__).parents[1] / "results" / "epoch"
SETS = ("ENZYMES", "PROTEINS", "DD")
QUICK_SETS = ("ENZYMES",)
FORMATS = ("rich", "markdown", "json")
SHARES = ("auto", PROCESSES, STREAMS, ONE, "all")

Row = dict[str, Any]


def epoch(
    data: Annotated[
        list[str] | None,
        typer.Option(help=f"TU data set, {', '.join(SETS)} if none is named; may be repeated."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each contender.")] = 5,
    seconds: Annotated[
        float,
        typer.Option(min=0, help="A contender whose epochs would take longer trains ten steps."),
    ] = 60.0,
    batch_size: Annotated[int, typer.Option(min=2, help="Graphs in a batch.")] = 20,
    hidden: Annotated[int, typer.Option(min=1, help="Width of all layers.")] = 64,
    epochs: Annotated[int, typer.Option(min=0, help="Epochs of each fold; 0: no folds.")] = 3,
    jobs: Annotated[int, typer.Option(min=0, help="Folds at a time; 0: one a core.")] = 0,
    share: Annotated[
        str,
        typer.Option(
            help="How folds run at the same time: processes, streams (CUDA), one (by one), all, or "
            "auto: processes on a CPU, all on a GPU. One by one is always measured too."
        ),
    ] = "auto",
    memory_gib: Annotated[
        float, typer.Option(min=0, help="Limit of PyG's process on DD; 0: 75 % of what is there.")
    ] = 0.0,
    limit: Annotated[
        float, typer.Option(min=1, help="Seconds after which PyG's process on DD is stopped.")
    ] = 900.0,
    threads: Annotated[
        int, typer.Option(min=0, max=MOST_THREADS, help="Torch threads; 0: as torch has it.")
    ] = 0,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_RANDOM_SEED, help="Of weights and orders.")
    ] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    quick: Annotated[
        bool, typer.Option("--quick", help="ENZYMES, two rounds, one epoch of the folds.")
    ] = False,
    format_: Annotated[str, typer.Option("--format", help="rich, markdown or json.")] = "rich",
    out: Annotated[
        Path, typer.Option(help="Folder of results.", metavar="DIR", show_default=False)
    ] = RESULTS,
    resume: Annotated[
        Path | None,
        typer.Option(help="Go on with this file of a stopped run.", metavar="FILE"),
    ] = None,
) -> list[Row]:
    """Time training epochs: our two-pool network, PyG's example, and tgp's DiffPool.

    Contenders take turns on the same graphs. Rows are appended to a JSON lines file as each part
    is finished.
    """
    for kind, value, known in (
        ("format", format_, FORMATS),
        ("share", share, SHARES),
    ):
        if value not in known:
            raise unknown_name(kind, value, known)
    check_folder("--out", out)
    device = choose_device(device)
    modes = fold_modes(share, device) if epochs or quick else []
    names = list(data or (QUICK_SETS if quick else SETS))
    if quick:
        rounds, seconds, epochs = 2, 20.0, 1
    if threads:
        torch.set_num_threads(threads)
    options = Options(batch_size, hidden, seed, device)
    jobs = min(jobs or os.cpu_count() or 1, FOLDS)
    config = {
        **asdict(options), "rounds": rounds, "seconds": seconds, "epochs": epochs, "jobs": jobs,
    }  # fmt: skip
    # ToDense builds a tensor of a kind that torch calls beta.
    warnings.filterwarnings("ignore", message="Sparse", category=UserWarning)
    console = PlainConsole(stderr=True)
    lines = ResultLines(out, config, seed, resume)
    try:
        for name in names:
            loaded = _load(name, console)
            if loaded is None:
                continue
            if lines.finished(f"{name} epoch") is None:
                memory = memory_gib or default_memory_gib()
                rows = epoch_rows(name, loaded, options, rounds, seconds, memory, limit, console)
                lines.add(f"{name} epoch", rows)
            for mode in modes:
                part = f"{name} folds {mode}"
                if lines.finished(part) is None:
                    with console.status(f"{name}: {FOLDS} folds, {mode}"):
                        lines.add(part, [fold_row(name, mode, epochs, jobs, options)])
    except KeyboardInterrupt:
        console.print(f"\nstopped; go on with --resume {lines.path}", soft_wrap=True)
        raise typer.Exit(130) from None
    show_rows(lines.rows, format_)
    if lines.rows:
        console.print(f"{len(lines.rows)} rows in {lines.path}", soft_wrap=True)
    return lines.rows


def fold_modes(share: str, device: str) -> list[str]:
    """Return the ways to run folds that are measured, one by one first.

    Raises:
        UsageError: If streams are asked for on a CPU.
    """
    if share == STREAMS and device == "cpu":
        raise UsageError("--share streams: expected a CUDA device; on a CPU, use processes")
    everything = [ONE, PROCESSES, *([STREAMS] if device != "cpu" else [])]
    if share == "auto":
        share = PROCESSES if device == "cpu" else "all"
    return everything if share == "all" else [ONE] if share == ONE else [ONE, share]


def _load(name: str, console: Console) -> EpochData | None:
    with console.status(f"{name}: loading"):
        try:
            return load_epoch_data(name)
        except (FileNotFoundError, OSError) as error:
            if name not in DATASETS:
                raise UsageError(f"{unknown_name('data set', name, DATASETS)} ({error})") from error
            console.print(f"{name}: skipped, its data are not there ({error})", markup=False)
            return None


def epoch_rows(
    name: str,
    data: EpochData,
    options: Options,
    rounds: int,
    seconds: float,
    memory_gib: float,
    limit: float,
    console: Console,
) -> list[Row]:
    """Let all contenders train on a data set, in turns; one row each.

    PyG's network on huge graphs trains in a process of its own, of so much memory and time.
    """
    found = contenders(data)
    own_process = [PYG] if data.huge else []
    rows: dict[str, Row] = {}
    with console.status(f"{name}: making networks") as status:
        tell: Callable[[str], None] = lambda text: status.update(f"{name}: {text}")  # noqa: E731
        trainees = {
            contender: make_trainee(contender, graphs, options)
            for contender, graphs in found.items()
            if contender not in own_process
        }
        for contender in own_process:
            tell(f"{contender}, in a process of at most {memory_gib:.1f} GiB")
            arguments = (contender, name, options, torch.get_num_threads())
            outcome = run_limited(sampled_row, arguments, memory_gib, limit)
            rows[contender] = outcome.value or {"note": outcome.died}
        turns = take_turns(trainees, options.device, rounds, seconds, tell)
    for contender, trainee in trainees.items():
        rows[contender] = epoch_row(trainee, turns[contender], len(data.graphs), options.batch_size)
    for contender in set(TGP) if not TGP_INSTALLED else ():
        rows[contender] = {"note": "skipped, tgp (torch-geometric-pool) is not installed"}
        console.print(f"{name}: {contender}: {rows[contender]['note']}", markup=False)
    if PYG_DROPPED not in found and not data.huge:
        console.print(f"{name}: no graph over {DROPPED_ABOVE} nodes that could be dropped")
    order = [OURS, *(contender for contender in found if contender != OURS), *TGP]
    return [
        {"kind": "epoch", "set": name, "contender": contender, **rows[contender]}
        for contender in dict.fromkeys(order)
        if contender in rows
    ]


def fold_row(name: str, mode: str, epochs: int, jobs: int, options: Options) -> Row:
    """Train all folds of a data set in one of the ways to share a machine; return its row."""
    threads = torch.get_num_threads()
    run = run_folds(mode, name, epochs, jobs, threads, options)
    return {
        "kind": "folds",
        "set": name,
        "contender": OURS,
        "mode": mode,
        "jobs": 1 if mode == ONE else jobs,
        "epochs": epochs,
        **run._asdict(),
    }
