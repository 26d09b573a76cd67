"""A table of the paper with ours beside it, from the stored cells."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.data.splits import NUM_FOLDS
from benchmarks.records import table_format
from benchmarks.runs.paper_cells import Rows
from benchmarks.spec import published
from benchmarks.tables.gain import misprinted, our_gain, paper_gain
from benchmarks.tables.scores import RunResult, mean_and_std, numbers_text, run_results

Record = dict[str, Any]
NOT_FOUND = "data not found"
NONE = "–"


def our_results(rows: Rows, protocol: str, results: Path) -> dict[tuple[str, str], RunResult]:
    """Return the stored run of each cell: on the folds asked for, the fullest, then the latest.

    The rule is that of ``python -m benchmarks table``, and never looks at accuracies; runs on
    other folds or data are left out, since rows of one table are compared.
    """
    stored = run_results(results, protocol, all_runs=True) if results.is_dir() else []
    chosen: dict[tuple[str, str], RunResult] = {}
    for result in stored:
        run = result.run
        source = rows.sources.get(run["dataset"])
        # The fullest run of a row comes first.
        if source and source.items() <= {**run["splits"], "data": run["data"]}.items():
            chosen.setdefault((run["dataset"], run["method"]), result)
    return chosen


def paper_table(
    table: str,
    protocol: str,
    datasets: Sequence[str],
    methods: Sequence[str],
    rows: Rows,
    results: Path,
) -> Record:
    """Return the table as JSON-ready values.

    Args:
        table: ``"1"`` or ``"2"``.
        protocol: The protocol of our cells; the paper's figures are of ``reference``.
        datasets: Columns.
        methods: Rows, in the paper's order.
        rows: The runs that fill the cells.
        results: Folder of results.
    """
    ours = our_results(rows, protocol, results)
    problems = {(row.dataset, row.method): row.problem for row in rows.rows if row.problem}
    lines = []
    for method in methods:
        line: Record = {"method": method}
        line["cells"] = {
            dataset: _cell(dataset, method, protocol, ours.get((dataset, method)), rows, problems)
            for dataset in datasets
        }
        if table == "1":
            line["gain"] = _gains(method, datasets, ours)
        lines.append(line)
    comparable = protocol == "reference"
    return {
        "table": table,
        "protocol": protocol,
        "caption": _caption(table, protocol),
        "paper_comparable": comparable,
        "datasets": list(datasets),
        "rows": lines,
        "notes": _notes(table, protocol, rows, ours),
    }


def _cell(
    dataset: str,
    method: str,
    protocol: str,
    result: RunResult | None,
    rows: Rows,
    problems: Mapping[tuple[str, str], str],
) -> Record:
    paper = published.paper(dataset, method)
    same = published.published(dataset, method, protocol)
    cell: Record = {
        "ours": None,
        "paper": paper.mean if paper else None,
        "published": same.mean if same else None,
        "why_not": NOT_FOUND if dataset in rows.absent else problems.get((dataset, method)),
    }
    if result is not None:
        cell["ours"] = {
            **mean_and_std(result.folds.accuracy.values()),
            "num_folds": len(result.folds.accuracy),
            "folds": numbers_text(list(result.folds.accuracy)),
            "seeds": numbers_text(result.folds.seeds),
            "fewer_seeds": numbers_text(result.folds.fewer_seeds),
            "std_between_seeds": result.folds.std_between_seeds(),
            "epoch": result.folds.best_epoch,
            "splits": result.run["splits"],
            "run": result.run["run"],
        }
    return cell


def _gains(
    method: str, datasets: Sequence[str], ours: Mapping[tuple[str, str], RunResult]
) -> Record:
    """Return our gain over the paper's data sets, and the paper's over these and over all."""
    gain = our_gain(ours, method, [name for name in datasets if name in published.TABLE_1_DATASETS])
    there = paper_gain(method, gain.datasets) if gain else None
    everywhere = paper_gain(method, published.TABLE_1_DATASETS)
    return {
        "ours": gain.as_dict() if gain else None,
        "paper_same_datasets": there.as_dict() if there else None,
        "paper": everywhere.as_dict() if everywhere else None,
        "paper_prints": published.PRINTED_GAINS.get(method),
    }


def _caption(table: str, protocol: str) -> str:
    name = protocol if protocol == "fair" else f"{protocol} (optimistic)"
    text = f"Table {table}, protocol {name}: accuracy in %, ours | the paper's"
    if protocol == "fair":
        text += " in brackets (protocol reference, optimistic: NOT comparable)"
    return text + "."


def _notes(
    table: str, protocol: str, rows: Rows, ours: Mapping[tuple[str, str], RunResult]
) -> list[str]:
    how = {
        "fair": "configuration and epoch chosen on an inner hold-out, the test fold met once",
        "reference": "best epoch of the mean validation curve, no test set; optimistic",
    }[protocol]
    notes = [
        f"ours: mean ± population standard deviation over {NUM_FOLDS} folds, or over those named; "
        f"{protocol}: {how}",
        f"paper: {published.PAPER_SOURCE}",
        "folds: " + "; ".join(_fold_sources(rows)),
    ]
    if table == "1":
        notes.append(
            f"gain: mean difference to {published.BASELINE} over the data sets named (ours over "
            "the folds that both have), beside what follows from the paper's cells, there and over "
            "all its cells. " + _misprints()
        )
    notes += _seeds(ours)
    notes += [f"{dataset}: {NOT_FOUND}" for dataset in rows.absent]
    problems: dict[tuple[str, str], list[str]] = {}
    for row in rows.rows:
        if row.problem and (row.dataset, row.method) not in ours:
            problems.setdefault((row.method, row.problem), []).append(row.dataset)
    for (method, problem), names in problems.items():
        notes.append(f"{method} on {', '.join(names)}: {problem}")
    return notes


def _seeds(ours: Mapping[tuple[str, str], RunResult]) -> list[str]:
    """Return a note on the cells whose folds were trained several times."""
    cells: dict[str, list[str]] = {}
    for (dataset, method), result in ours.items():
        folds = result.folds
        if len(folds.seeds) > 1:
            record = {
                "seeds": numbers_text(folds.seeds),
                "fewer_seeds": numbers_text(folds.fewer_seeds),
                "std_between_seeds": folds.std_between_seeds(),
            }
            text = f"{method} {table_format.seeds_text(record)}"
            cells.setdefault(dataset, []).append(text)
    if not cells:
        return []
    listed = "; ".join(f"{dataset}: {', '.join(texts)}" for dataset, texts in cells.items())
    return [
        "several seeds, of which a fold's value is the mean (in brackets the deviation between "
        f"seeds of the mean over folds): {listed}"
    ]


def _misprints() -> str:
    parts = []
    for method in published.PRINTED_GAINS:
        printed, follows = misprinted(method), paper_gain(method, published.TABLE_1_DATASETS)
        if printed is not None and follows is not None:
            parts.append(f"{method}: prints {printed:.2f}, follows {follows.mean:+.2f}")
    return "Printed gains that do not follow from its cells: " + "; ".join(parts)


def _fold_sources(rows: Rows) -> list[str]:
    """Return, for each source of folds, the data sets split by it."""
    names: dict[str, list[str]] = {}
    for dataset, source in rows.sources.items():
        if dataset in rows.absent:
            continue
        own = f"own stratified split, seed {source.get('seed')}"
        names.setdefault("as published" if "sha256" in source else own, []).append(dataset)
    return [f"{name} ({', '.join(found)})" for name, found in names.items()]


def show(record: Record, format_: str) -> None:
    """Print the table on stdout as rich text, Markdown or JSON."""
    if format_ == "json":
        sys.stdout.write(json.dumps(record, indent=2) + "\n")
        return
    sys.stdout.write(f"{record['caption']}\n\n")
    sys.stdout.flush()
    columns: dict[str, Callable[[Record], str]] = {"method": lambda line: str(line["method"])}
    for dataset in record["datasets"]:
        columns[dataset] = _cell_filler(dataset, record["paper_comparable"])
    if record["table"] == "1":
        columns["gain"] = lambda line: _gain_text(line["gain"])
    layout = table_format.Layout(columns, tuple(record["notes"]))
    table_format.show(record["rows"], layout, format_)


def _cell_filler(dataset: str, comparable: bool) -> Callable[[Record], str]:
    return lambda line: _cell_text(line["cells"][dataset], comparable)


def _cell_text(cell: Record, comparable: bool) -> str:
    ours, paper = cell["ours"], NONE
    if ours is not None:
        text = table_format.score_text(ours)
        if ours["num_folds"] < NUM_FOLDS:
            text += f" ({ours['num_folds']} of {NUM_FOLDS} folds: {ours['folds']})"
    else:
        text = NOT_FOUND if cell["why_not"] == NOT_FOUND else NONE
    if cell["paper"] is not None:
        paper = f"{cell['paper']:.2f}" if comparable else f"({cell['paper']:.2f})"
    return f"{text} | {paper}"


def _gain_text(gain: Record) -> str:
    ours, there, paper = gain["ours"], gain["paper_same_datasets"], gain["paper"]
    text = f"{ours['mean']:+.2f} ({', '.join(ours['datasets'])})" if ours else NONE
    if paper is None:
        return f"{text} | {NONE}"
    everywhere = f"{paper['mean']:+.2f} (its {len(paper['datasets'])})"
    if there is None or there["datasets"] == paper["datasets"]:
        return f"{text} | {everywhere}"
    return f"{text} | {there['mean']:+.2f} there, {everywhere}"
