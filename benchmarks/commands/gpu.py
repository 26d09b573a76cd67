"""``python -m benchmarks gpu``: all that a machine with a GPU is to show, in one command."""

from __future__ import annotations

from typing import Annotated

import torch
import typer

from benchmarks.commands import options
from benchmarks.commands.stopwatch import Session
from benchmarks.records.store import RESULTS
from benchmarks.spec.errors import UsageError
from benchmarks.timing.gpu.process import latest
from benchmarks.timing.gpu.run import PARTS, Plan, chosen_parts, failures, run_parts


def gpu(
    part: Annotated[
        list[str] | None,
        typer.Option(help=f"Only this part, of {', '.join(PARTS)}; may be repeated."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Less of everything, in under nine minutes.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(min=0, help="Begin nothing new in a part after so long; 0: by part.")
    ] = 0.0,
    seed: options.Seed = 0,
    format_: options.Format = "rich",
    out: options.OutFolder = RESULTS / "gpu",
    resume: options.Resume = None,
) -> None:
    """Check and time everything on a GPU: correctness, coarsening, ceilings, epochs, training.

    Each piece is appended to a JSON lines file as it is finished. Exit code 1: a result is wrong,
    waits for the device, or differs when repeated, or a piece failed. Exit code 2: no GPU.
    """
    if not torch.cuda.is_available():
        raise UsageError(f"gpu: expected a CUDA device, torch {torch.__version__} finds none")
    names = chosen_parts(part)
    session = Session(format_, out, {"device": "cuda", "quick": quick}, seed, resume=resume)
    with session.stoppable():
        run_parts(names, session.lines, Plan("cuda", quick, seconds, seed), session.console)
    # It needs what it shows: PyG, tgp and others, seconds of imports.
    from benchmarks.timing.gpu.table import show

    session.lines.read_again()
    failed = failures(session.finish(lambda rows, style: show(latest(rows), style)))
    if failed:
        session.console.print(f"FAILED: {', '.join(failed)}", markup=False, soft_wrap=True)
        raise typer.Exit(1)
