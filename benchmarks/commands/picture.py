"""``python -m benchmarks picture``: the paper's Figure 2 for a graph of a stored run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.clusters.candidates import LISTING, Candidate, candidates, rows, typical
from benchmarks.clusters.checkpoints import (
    StoredRun,
    Trained,
    fold_of_graph,
    read_run,
    splits_of,
    trained_network,
)
from benchmarks.commands.options import LARGEST_RANDOM_SEED, ResultsFolder, SplitsFolder
from benchmarks.data.registry import find_source
from benchmarks.data.task import Multiclass
from benchmarks.records.output_path import check_file
from benchmarks.records.plain_console import PlainConsole
from benchmarks.records.store import RESULTS
from benchmarks.records.table_format import show
from benchmarks.runs.paper_cells import splits_folder
from benchmarks.spec.errors import UsageError, unknown_name

_FORMATS = ("rich", "markdown", "json")
_PICTURES = (".png", ".pdf", ".svg")
_DOTS_PER_INCH = 130


def picture(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id that `table` prints.")],
    fold: Annotated[
        int | None,
        typer.Option(
            min=0, help="Fold of the network.", show_default="the graph's, or the first one"
        ),
    ] = None,
    configuration: Annotated[
        int | None,
        typer.Option(
            min=0, help="Configuration of the network.", show_default="the one that was chosen"
        ),
    ] = None,
    graph: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Number of the graph in the data set (see --list).",
            show_default="the middle one of the rightly classified graphs by clusters in use",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="PNG, PDF or SVG.", show_default="in the folder runs/pictures"
        ),
    ] = None,
    splits: SplitsFolder = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List the graphs to choose from; draw nothing.")
    ] = False,
    format_: Annotated[
        str, typer.Option("--format", help="Of the list: rich, markdown or json.")
    ] = "rich",
    layout: Annotated[
        int, typer.Option(min=0, max=LARGEST_RANDOM_SEED, help="Seed of the layout.")
    ] = 0,
    results: ResultsFolder = RESULTS,
) -> None:
    """Draw the learned hierarchy of a graph that training has not seen, level beside level."""
    if format_ not in _FORMATS:
        raise unknown_name("format", format_, _FORMATS)
    if out is not None and out.suffix.lower() not in _PICTURES:
        raise UsageError(f"--out: expected a name that ends in {', '.join(_PICTURES)}, got {out}")
    if out is not None:
        check_file("--out", out)
    if not results.is_dir():
        raise UsageError(f"--results: no folder {results}")
    stored = read_run(results, run)
    if not any(stored.clusters):
        method = stored.run["method"]
        raise UsageError(f"run {run}: {method} pools nothing, or no fold is finished")
    if not isinstance(find_source(stored.run["dataset"]).task, Multiclass):
        raise UsageError(f"run {run}: expected one class a graph, got {stored.run['dataset']}")
    folds_file = splits_of(stored.run, splits_folder(splits))
    if graph is not None and fold is None:
        fold = fold_of_graph(stored, folds_file, graph)
    trained = trained_network(stored, folds_file, fold, configuration=configuration)
    console = PlainConsole(stderr=True)
    with console.status("asking the network"):
        found = candidates(trained)
    if list_:
        show(rows(found), LISTING, format_)
        return
    chosen = _chosen(found, graph, trained, stored)
    path = out or Path("runs/pictures") / f"{run}_graph-{chosen.graph}.png"
    _draw(stored, trained, chosen, path, layout)
    for line in (caption(stored, trained, chosen), f"picture: {path}"):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def caption(stored: StoredRun, trained: Trained, chosen: Candidate) -> str:
    """Return the line that tells what is shown."""
    run = stored.run
    answer = "rightly" if chosen.right else "wrongly"
    return (
        f"{run['dataset']}, {run['method']}: {stored.part} graph {chosen.graph} of fold "
        f"{trained.cell['fold']} with {chosen.nodes} nodes and {chosen.edges} edges, class "
        f"{chosen.target}, {answer} taken for class {chosen.predicted}"
    )


def _chosen(
    found: list[Candidate], graph: int | None, trained: Trained, stored: StoredRun
) -> Candidate:
    if graph is None:
        return typical(found)
    for one in found:
        if one.graph == graph:
            return one
    raise UsageError(
        f"--graph: expected a {stored.part} graph of fold {trained.cell['fold']} (see --list), "
        f"got {graph}"
    )


def _draw(stored: StoredRun, trained: Trained, chosen: Candidate, path: Path, layout: int) -> None:
    from benchmarks.training.level_figures import hierarchy_figure

    batch = trained.batch(chosen.graph)
    run, cell = stored.run, trained.cell
    note = (
        f"run {run['run']}, protocol {run['protocol']}, configuration {cell['configuration']}, "
        f"fold {cell['fold']}, seed {cell['seed']}, epoch {cell['best_epoch']}; training has not "
        "seen this graph"
    )
    title = caption(stored, trained, chosen)
    try:
        figure = hierarchy_figure(batch, trained.predict(batch), title, note, layout=layout)
    except (ImportError, ValueError) as error:
        raise UsageError(f"graph {chosen.graph}: {error}") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=_DOTS_PER_INCH, bbox_inches="tight", pad_inches=0.15)
