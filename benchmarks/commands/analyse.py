"""``python -m benchmarks analyse``: numbers for what the paper says of its clusters in words."""

from __future__ import annotations

from typing import Annotated

import typer

from benchmarks.clusters.checkpoints import read_run, splits_of
from benchmarks.clusters.layout import show_analysis
from benchmarks.clusters.run_figures import analyse_run, write_analysis
from benchmarks.clusters.sensitivity import link_effects, related_runs, sensitivity_rows
from benchmarks.commands.mistakes import tell_left_out
from benchmarks.commands.options import ResultsOrOutFolder, SplitsFolder
from benchmarks.records.output_path import check_folder
from benchmarks.records.plain_console import PlainConsole
from benchmarks.records.store import RESULTS
from benchmarks.runs.paper_cells import splits_folder
from benchmarks.spec.errors import UsageError, unknown_name

_FORMATS = ("rich", "markdown", "json")


def analyse(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids that `table` prints.")],
    splits: SplitsFolder = None,
    format_: Annotated[str, typer.Option("--format", help="rich, markdown or json.")] = "rich",
    results: ResultsOrOutFolder = RESULTS,
) -> None:
    """Measure clusters: how many are used, how decided nodes are, how dense and whole they are.

    One run is compared with all of its data set, protocol and folds; several with each other. The
    figures of a run are written to its folder, as analysis.json.
    """
    if format_ not in _FORMATS:
        raise unknown_name("format", format_, _FORMATS)
    if not results.is_dir():
        raise UsageError(f"--results: no folder {results}")
    check_folder("--results", results)
    console = PlainConsole(stderr=True)
    folder = splits_folder(splits)
    names = list(dict.fromkeys(runs))
    stored = [read_run(results, name) for name in names]
    records = []
    for run in stored:
        with console.status(f"measuring {run.run['run']}"):
            record = analyse_run(run, splits_of(run.run, folder))
        path = write_analysis(run, record)
        console.print(f"figures of {run.run['run']}: {path}", soft_wrap=True, highlight=False)
        for fold in record["folds"]:
            if abs(fold["accuracy"] - fold["stored_accuracy"]) * fold["graphs"] > 1.5:
                console.print(
                    f"fold {fold['fold']}, seed {fold['seed']}: accuracy {fold['accuracy']:.3f}, "
                    f"but {fold['stored_accuracy']:.3f} is stored"
                )
        records.append(record)
    tell_left_out(results)
    compared = related_runs(results, names)
    show_analysis(records, sensitivity_rows(compared), link_effects(compared), format_)
