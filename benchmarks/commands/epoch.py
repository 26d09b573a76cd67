"""``python -m benchmarks epoch``: a training epoch, and a run of ten folds, against PyG and tgp."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from benchmarks.commands import options
from benchmarks.commands.stopwatch import Session, check_names
from benchmarks.data.registry import listed_names
from benchmarks.records.store import RESULTS
from benchmarks.spec.device import choose_device
from benchmarks.spec.errors import UsageError
from benchmarks.timing.epoch import epoch_rows
from benchmarks.timing.epoch_data import DROPPED_ABOVE, EpochData, load_epoch_data
from benchmarks.timing.epoch_table import show
from benchmarks.timing.folds import FOLDS, ONE, PROCESSES, STREAMS, fold_modes, fold_rows
from benchmarks.timing.limited_process import default_memory_gib
from benchmarks.timing.operators import operator_rows
from benchmarks.timing.starts import start_works
from benchmarks.timing.trainees import Options
from benchmarks.timing.works import Row, Tell, Work

SETS = ("ENZYMES", "PROTEINS", "DD")
QUICK_SETS = ("ENZYMES",)
SHARES = ("auto", PROCESSES, STREAMS, ONE, "all")


def epoch(
    data: Annotated[
        list[str] | None,
        typer.Option(help=f"TU data set, {', '.join(SETS)} if none is named; may be repeated."),
    ] = None,
    rounds: options.Rounds = 5,
    seconds: Annotated[
        float,
        typer.Option(min=0, help="A contender whose epochs would take longer trains ten steps."),
    ] = 60.0,
    batch_size: Annotated[int, typer.Option(min=2, help="Graphs in a batch.")] = 20,
    hidden: Annotated[int, typer.Option(min=1, help="Width of all layers.")] = 64,
    epochs: Annotated[int, typer.Option(min=0, help="Epochs of each fold; 0: no folds.")] = 3,
    compiled: Annotated[
        bool, typer.Option("--compiled", help="Our network compiled too: minutes at first.")
    ] = False,
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
    threads: options.Threads = 0,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    quick: Annotated[
        bool, typer.Option("--quick", help="ENZYMES, two rounds, one epoch of the folds.")
    ] = False,
    profile: Annotated[
        bool,
        typer.Option(
            "--profile",
            help="Instead, profile training and evaluation of ours, and the runner's loop.",
        ),
    ] = False,
    starts: Annotated[
        bool,
        typer.Option(
            "--starts",
            help="Instead, start processes that train ours: eager, compiled, compiled again. "
            "Minutes a round.",
        ),
    ] = False,
    format_: options.Format = "rich",
    out: options.OutFolder = RESULTS / "epoch",
    resume: options.Resume = None,
) -> list[Row]:
    """Time training epochs: our two-pool network, PyG's example, and tgp's DiffPool.

    Contenders take turns on the same graphs. Rows are appended to a JSON lines file as each part
    is finished.
    """
    check_names("share", [share], SHARES)
    if profile and starts:
        raise UsageError("--profile, --starts: expected one of them at most")
    device = choose_device(device)
    modes = fold_modes(share, device) if epochs or quick else []
    names = list(data or (QUICK_SETS if quick else SETS))
    if quick:
        rounds, seconds, epochs = 2, 20.0, 1
    shared = Options(batch_size, hidden, seed, device, compiled)
    jobs = min(jobs or os.cpu_count() or 1, FOLDS)
    measured = {"rounds": rounds, "seconds": seconds, "epochs": epochs, "jobs": jobs}
    # ToDense builds a tensor of a kind that torch calls beta.
    warnings.filterwarnings("ignore", message="Sparse", category=UserWarning)
    config = {**asdict(shared), **measured}
    prefix = "profile-" if profile else "starts-" if starts else ""
    session = Session(format_, out, config, seed, threads, resume, prefix)
    memory = memory_gib or default_memory_gib()

    def works() -> Iterator[Work]:
        for name in names:
            load = partial(load_epoch_data, name)
            loaded = session.load(name, load, asked=name not in listed_names())
            if loaded is None:
                continue
            if profile:
                yield from _profile_works(name, loaded, shared, rounds, session.tell)
                continue
            if starts:
                yield from start_works(name, shared, rounds, limit, memory)
                continue
            if loaded.small() is None and not loaded.huge:
                text = f"{name}: no graph over {DROPPED_ABOVE} nodes to be dropped"
                session.console.print(text)
            limits = (rounds, seconds, memory, limit)
            run = partial(epoch_rows, name, loaded, shared, *limits, session.tell)
            yield Work(f"{name} epoch", run)
            for mode in modes:
                run = partial(fold_rows, name, mode, epochs, jobs, shared)
                yield Work(f"{name} folds {mode}", run)

    session.run(works(), lambda row: row.get("note") and f"{row['contender']}: {row['note']}")
    return session.finish(show)


def _profile_works(
    name: str, data: EpochData, options: Options, rounds: int, tell: Tell
) -> Iterator[Work]:
    """Yield what ``--profile`` measures of a data set."""
    # Lightning, which the other measurements do without, takes seconds to import.
    from benchmarks.timing.python_functions import function_rows
    from benchmarks.timing.training_loop import loop_rows

    yield Work(f"{name} operators", partial(operator_rows, name, data, options))
    yield Work(f"{name} loop", partial(loop_rows, name, data, options, rounds, tell))
    yield Work(f"{name} functions", partial(function_rows, name, data, options))
