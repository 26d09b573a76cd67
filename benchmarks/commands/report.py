"""``python -m benchmarks report``: results, learning curves and clusters in one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.clusters.checkpoints import StoredRun, read_run
from benchmarks.commands.cli import parse_numbers
from benchmarks.commands.mistakes import tell_left_out
from benchmarks.commands.options import ResultsFolder, SplitsFolder
from benchmarks.records.output_path import check_file
from benchmarks.records.plain_console import PlainConsole
from benchmarks.records.store import RESULTS, stored_runs, write_atomically
from benchmarks.report.curves import curves_record
from benchmarks.report.explorer import Wanted, explorer_record
from benchmarks.report.html_page import page_html
from benchmarks.report.provenance_record import provenance_record
from benchmarks.report.results_table import table_record
from benchmarks.runs.paper_cells import splits_folder
from benchmarks.spec.errors import UsageError


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN]...", help="Ids that `table` prints. Default: every run."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page to write.")] = Path(
        "report.html"
    ),
    splits: SplitsFolder = None,
    folds: Annotated[
        str | None,
        typer.Option(help="Folds whose graphs are shown, such as 0-1.", show_default="the first"),
    ] = None,
    graphs: Annotated[int, typer.Option(min=1, help="Graphs of each fold in the explorer.")] = 12,
    max_nodes: Annotated[
        int, typer.Option(min=1, help="Larger graphs are left out of the explorer.")
    ] = 1000,
    results: ResultsFolder = RESULTS,
) -> None:
    """Write a page to browse: the results, learning curves and each graph's clusters.

    It is one file that loads nothing from anywhere, and opens in any browser. Clusters need the
    run's checkpoints on disk; for other runs the page says how to make them.
    """
    if not results.is_dir():
        raise UsageError(f"--results: no folder {results}")
    check_file("--out", out)
    wanted = Wanted(
        splits_folder(splits),
        None if folds is None else parse_numbers("--folds", folds),
        graphs,
        max_nodes,
    )
    console = PlainConsole(stderr=True)
    with console.status("reading results") as status:
        stored = read_runs(results, runs or [])
        page = page_html(report_record(results, stored, wanted, status.update))
    tell_left_out(results)
    content = page.encode()
    write_atomically(out, content)
    console.print(
        f"page of {len(stored)} run{'s' if len(stored) != 1 else ''}: {out} "
        f"({len(content) / 1e6:.1f} MB)",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )


def read_runs(results: Path, names: list[str]) -> list[StoredRun]:
    """Return the runs that are named, or all, by data set, method and protocol.

    Raises:
        UsageError: If there is no run of a name, or none at all.
    """
    known = names or [run["run"] for _, run in stored_runs(results)]
    if not known:
        raise UsageError(f"--results: no runs in {results}")
    stored = [read_run(results, name) for name in dict.fromkeys(known)]
    return sorted(
        stored,
        key=lambda run: tuple(run.run[name] for name in ("dataset", "method", "protocol", "run")),
    )


def report_record(
    results: Path, stored: list[StoredRun], wanted: Wanted, tell: Any = lambda text: None
) -> dict[str, Any]:
    """Return all that the page shows as JSON-ready values.

    Args:
        results: Folder of results.
        stored: The runs.
        wanted: Which graphs the explorer shows.
        tell: Called with what is being done.
    """
    curves = [curves_record(run) for run in stored]
    return {
        "table": table_record(results, [run.run["run"] for run in stored]),
        "curves": [record for record in curves if record is not None],
        "explorer": explorer_record(stored, wanted, tell),
        "provenance": provenance_record([run.run for run in stored]),
    }
