"""The command line: ``python -m benchmarks run | table | list | demo``, and the timings' names.

Several folders of results into one: ``merge``. The paper's tables: ``paper``; what each choice is
worth: ``ablation``; clusters: ``analyse``, ``picture``; a page of it all: ``report``. The timings:
``coarsen``, ``epoch``, ``scaling``, and ``gpu`` for all that a GPU is to show.
"""

import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from benchmarks.commands.mistakes import fail, mistakes_told, tell_left_out
from benchmarks.commands.options import (
    LARGEST_SEED,
    EngineName,
    EngineOptions,
    GpusPerCell,
    ResultsOrOutFolder,
)
from benchmarks.records.output_path import check_file, check_folder
from benchmarks.records.plain_console import PlainConsole
from benchmarks.records.store import RESULTS
from benchmarks.spec.cell import PROTOCOLS
from benchmarks.spec.errors import UsageError, unknown_name

_LAZY_COMMANDS = {
    "demo": ("benchmarks.commands.demo", "demo"),
    "paper": ("benchmarks.commands.paper", "paper"),
    "ablation": ("benchmarks.commands.ablation", "ablation"),
    "merge": ("benchmarks.commands.merge", "merge"),
    "analyse": ("benchmarks.commands.analyse", "analyse"),
    "picture": ("benchmarks.commands.picture", "picture"),
    "report": ("benchmarks.commands.report", "report"),
    "coarsen": ("benchmarks.commands.coarsen", "coarsen"),
    "epoch": ("benchmarks.commands.epoch", "epoch"),
    "scaling": ("benchmarks.commands.scaling", "scaling"),
    "gpu": ("benchmarks.commands.gpu", "gpu"),
    "loader": ("benchmarks.commands.loader", "loader"),
}
_FORMATS = ("rich", "markdown", "json")
MOST_NUMBERS = 10_000
"""Numbers that an option such as ``--folds`` may name in one range."""
_MOST_DIGITS = 18


class _LazyGroup(TyperGroup):
    """Imports a command's module only when it is used or listed, and tells bad input in a line."""

    def invoke(self, ctx: Any) -> Any:
        try:
            with mistakes_told():
                done = super().invoke(ctx)
                # What a closed pipe has not taken is told here, not at the end of the process.
                sys.stdout.flush()
                return done
        except KeyboardInterrupt:
            PlainConsole(stderr=True).print("\nstopped; the same command begins again")
            raise typer.Exit(130) from None

    def list_commands(self, ctx: Any) -> list[str]:
        there = [
            name
            for name, (module_name, _) in _LAZY_COMMANDS.items()
            if importlib.util.find_spec(module_name) is not None
        ]
        return [*super().list_commands(ctx), *there]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.list_commands(ctx) or cmd_name not in _LAZY_COMMANDS:
            return super().get_command(ctx, cmd_name)
        module_name, function = _LAZY_COMMANDS[cmd_name]
        single = typer.Typer(add_completion=False)
        single.command(cmd_name)(getattr(importlib.import_module(module_name), function))
        return typer.main.get_command(single)


app = typer.Typer(
    cls=_LazyGroup,
    help="Train DiffPool and its baselines on TU data and print honest tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.command()
def run(
    dataset: Annotated[
        str, typer.Option(help="TU or OGB data set, e.g. ENZYMES; CommunityChains is generated.")
    ],
    method: Annotated[
        str, typer.Option(help="Method (see `list`), or your own my_package.my_module:MyModel.")
    ],
    protocol: Annotated[
        str,
        typer.Option(
            help="fair: choice of epoch and configuration on an inner hold-out, the test fold met "
            "once. reference: the paper's, best epoch of the mean validation curve (optimistic)."
        ),
    ],
    splits: Annotated[
        Path | None, typer.Option(help="JSON file of published splits.", metavar="FILE")
    ] = None,
    folds: Annotated[
        str | None, typer.Option(help="Folds, such as 0-9 or 0,3.", show_default="all")
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds, such as 0 or 0-2; they are averaged.")] = "0",
    jobs: Annotated[
        int,
        typer.Option(
            min=0,
            help="Processes of one thread each; 0: one a core, or as the engine has room.",
        ),
    ] = 0,
    out: Annotated[
        Path, typer.Option(help="Folder of results.", metavar="DIR", show_default=False)
    ] = RESULTS,
    device: Annotated[
        str, typer.Option(help="auto (a GPU where there is one), cpu or cuda.")
    ] = "auto",
    logger: Annotated[
        str, typer.Option(help="none, or tensorboard: event files of curves and assignments.")
    ] = "none",
    log_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder of event files.", metavar="DIR", show_default="tensorboard in the run's"
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a setting; may be repeated."),
    ] = None,
    recipe: Annotated[
        bool, typer.Option(help="Whether the recipe's settings are used, or the method's defaults.")
    ] = True,
    engine: EngineName = "local",
    engine_option: EngineOptions = None,
    gpus_per_cell: GpusPerCell = 0.0,
    devices: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes that train a cell together, a part of each batch and a GPU each; the "
            "setting devices.",
            show_default="1",
        ),
    ] = None,
) -> None:
    """Train a method on a data set, fold by fold. The same command resumes a stopped run."""
    from benchmarks.runs import runner
    from benchmarks.runs.engine import EngineRequest
    from benchmarks.runs.engines import make_engine, parse_options
    from benchmarks.runs.plan import make_plan
    from benchmarks.spec.settings import parse_overrides
    from benchmarks.training.tensorboard_log import log_folder

    console = PlainConsole(stderr=True)
    try:
        _check_choice("protocol", protocol, PROTOCOLS)
        check_folder("--out", out)
        if splits is not None and not splits.is_file():
            raise UsageError(f"--splits: no file {splits}")
        plan = make_plan(
            dataset,
            method,
            protocol,
            {
                **device_overrides(device, gpus_per_cell),
                **({} if devices is None else {"devices": devices}),
                **parse_overrides(set_ or []),
            },
            None if folds is None else parse_numbers("--folds", folds),
            parse_numbers("--seeds", seeds, largest=LARGEST_SEED),
            splits,
            gpus_elsewhere=gpus_per_cell > 0,
            recipe=recipe,
        )
        logs = log_folder(logger, log_dir, method, out, plan.run_id)
        placed = make_engine(
            engine, EngineRequest(jobs, gpus_per_cell, parse_options(engine_option or []))
        )
        failed = runner.run(
            plan, out, jobs or os.cpu_count() or 1, console, logs=logs, engine=placed
        )
        if logs is not None:
            told = f"event files, for tensorboard --logdir: {logs}"
            if not logs.is_dir():
                told = "no event files: finished cells are not trained again, see --out"
            console.print(told, soft_wrap=True, highlight=False, markup=False)
    except KeyboardInterrupt:
        console.print("\nstopped; finished cells are kept, and the same command resumes")
        raise typer.Exit(130) from None
    except ValueError as error:
        fail(error)
    if failed:
        console.print(f"{failed} cells failed; the same command retries those that may succeed")
        raise typer.Exit(1)


@app.command()
def table(
    protocol: Annotated[str | None, typer.Option(help="Only this protocol.")] = None,
    format_: Annotated[
        str, typer.Option("--format", help="rich, markdown or json (stdout is JSON alone).")
    ] = "rich",
    results: ResultsOrOutFolder = RESULTS,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(help="Two methods: paired difference over folds with its 95 % interval."),
    ] = None,
    all_runs: Annotated[
        bool, typer.Option("--all", help="Every run, not only the fullest of each row.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw the results as well: a panel a data set."),
    ] = None,
) -> None:
    """Print the results, recomputed from the stored cells, beside published figures."""
    from benchmarks.records import table_format
    from benchmarks.tables import comparison
    from benchmarks.tables import scores as tables

    try:
        if protocol is not None:
            _check_choice("protocol", protocol, PROTOCOLS)
        _check_choice("format", format_, _FORMATS)
        if not results.is_dir():
            raise UsageError(f"--results: no folder {results}")
        if plot is not None:
            check_picture(plot, compare is not None, all_runs)
        if compare is None:
            rows = tables.result_rows(results, protocol, all_runs=all_runs)
            layout = table_format.RESULTS
        else:
            rows = comparison.comparison_rows(results, protocol, *compare)
            layout = table_format.COMPARISON
        if plot is not None:
            # Matplotlib takes a while to import.
            from benchmarks.tables.results_picture import draw_results

            draw_results(rows, plot)
            PlainConsole(stderr=True).print(f"picture: {plot}", soft_wrap=True, markup=False)
    except UsageError as error:
        fail(error)
    table_format.show(rows, layout, format_)
    tell_left_out(results)


@app.command("list")
def list_(
    format_: Annotated[str, typer.Option("--format", help="rich or json.")] = "rich",
) -> None:
    """List the methods and data sets."""
    from benchmarks.data.registry import listed_names
    from benchmarks.methods import describe, method_names

    try:
        _check_choice("format", format_, ("rich", "json"))
    except UsageError as error:
        fail(error)
    names = {"methods": list(method_names()), "datasets": list(listed_names())}
    if format_ == "json":
        sys.stdout.write(json.dumps(names) + "\n")
        return
    console = PlainConsole()
    console.print("methods:")
    for name in names["methods"]:
        console.print(f"  {name:<14} {describe(name)}", soft_wrap=True, markup=False)
    console.print("  my_package.my_module:MyModel, a class of your own")
    console.print("datasets: " + ", ".join(names["datasets"]), "or another of TU or OGB (ogbg-)")


def parse_numbers(option: str, text: str, largest: int | None = None) -> list[int]:
    """Read ``0-9`` or ``0,3`` or ``0-2,5``, at most :data:`MOST_NUMBERS` of them.

    Args:
        option: Name of the option, for errors.
        text: What it was given.
        largest: Largest number that is allowed. (default: any)

    Raises:
        UsageError: If the text is no such list.
    """
    numbers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)):
            raise UsageError(f"{option}: expected numbers such as 0-9 or 0,3, got {text!r}")
        if max(len(first), len(last)) > _MOST_DIGITS:
            raise UsageError(f"{option}: expected numbers of few digits, got {part.strip()[:40]}…")
        start, stop = int(first), int(last or first)
        if stop < start:
            raise UsageError(f"{option}: expected an ascending range, got {part.strip()!r}")
        if largest is not None and stop > largest:
            raise UsageError(f"{option}: expected at most {largest}, got {stop}")
        if stop - start >= MOST_NUMBERS:
            raise UsageError(
                f"{option}: expected at most {MOST_NUMBERS} numbers, {part.strip()!r} are "
                f"{stop - start + 1}"
            )
        numbers.update(range(start, stop + 1))
    return sorted(numbers)


def device_overrides(device: str, gpus_per_cell: float = 0.0) -> dict[str, str]:
    """Return the setting that a choice of device stands for; a CPU's is the default.

    Args:
        device: As the option names it.
        gpus_per_cell: GPUs that cells ask for of other machines. (default: none)
    """
    from benchmarks.spec.device import choose_device

    if gpus_per_cell > 0:
        if device == "cpu":
            raise UsageError("--gpus-per-cell: expected --device auto or cuda with it, got cpu")
        return {"accelerator": "gpu"}
    return {"accelerator": "gpu"} if choose_device(device) == "cuda" else {}


def check_picture(path: Path, compares: bool, all_runs: bool) -> None:
    """Refuse a picture of what has none, or in a file that cannot be written.

    Args:
        path: The file.
        compares: Whether the table is a comparison.
        all_runs: Whether a method has several rows.
    """
    if compares or all_runs:
        raise UsageError(
            f"--plot: it draws one result a method; expected it without "
            f"{'--compare' if compares else '--all'}"
        )
    if path.suffix != ".png":
        raise UsageError(f"--plot: expected a file that ends in .png, got {path}")
    check_file("--plot", path)


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise unknown_name(option, value, choices)
