"""The cells of a table of the paper: one run for each data set and method, and what it lacks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.data.folders import DATA_VARIABLE, cache_folder
from benchmarks.data.registry import find_source, listed_names
from benchmarks.methods import load_method
from benchmarks.records.store import RunStore
from benchmarks.runs.plan import Plan, make_plan
from benchmarks.spec import published
from benchmarks.spec.cell import Cell
from benchmarks.spec.errors import AbsentDataError, UsageError, unknown_name

OWN_SPLITS = "own"
SPLIT_FOLDERS = ("", "CHEMICAL", "COLLABORATIVE_1")
"""Where a folder of published splits holds them; those of the social sets differ by features."""

_REDDIT_5K_AFTER = "REDDIT-MULTI-12K"
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # REDDIT-MULTI-5K is no column of the paper's; it is the set of its kind that is easier to get.
    "1": (
        tuple(
            name
            for column in published.TABLE_1_DATASETS
            for name in ((column, "REDDIT-MULTI-5K") if column == _REDDIT_5K_AFTER else (column,))
        ),
        (*published.WITHOUT_EDGES, *published.TABLE_1_METHODS),
    ),
    "2": (
        published.TABLE_2_DATASETS,
        (*published.WITHOUT_EDGES, *published.TABLE_2_METHODS),
    ),
}
"""Columns and rows of each table, in the paper's order, after the rows that it has not."""


class Request(NamedTuple):
    """What is asked of every run of a table; the last, whether GPUs are on other machines."""

    protocol: str
    overrides: dict[str, Any]
    folds: Sequence[int]
    seeds: Sequence[int]
    splits: Path | None
    results: Path
    gpus_elsewhere: bool = False


@dataclass(frozen=True)
class Row:
    """A data set and a method: the run that fills their cell, or why there is none."""

    dataset: str
    method: str
    plan: Plan | None
    problem: str | None = None

    def missing(self, results: Path) -> list[Cell]:
        """Return the run's trainings that are not stored yet."""
        return [] if self.plan is None else missing_cells(self.plan, results)


class Rows(NamedTuple):
    """The runs of a table.

    Attributes:
        rows: One for each pair of data set and method.
        absent: Why data sets have none.
        sources: For each data set, the digests of folds and data by which a stored run is known
            to be comparable.
    """

    rows: list[Row]
    absent: dict[str, str]
    sources: dict[str, dict[str, Any]]


def check_names(datasets: Sequence[str], methods: Sequence[str]) -> None:
    """Refuse names that are none, before anything is read.

    Raises:
        UsageError: If a method is unknown or cannot be imported, or a data set looks like a slip
            of the pen.
    """
    for method in methods:
        load_method(method)
    listed = listed_names()
    folded = {name.casefold() for name in listed}
    for dataset in datasets:
        find_source(dataset)
        if dataset not in listed and dataset.casefold() in folded:
            raise unknown_name("data set", dataset, listed)


def refuse_unknown(absent: Mapping[str, str]) -> None:
    """Refuse data sets that are not found and that no table has: they must have been named.

    Args:
        absent: From the names of data sets to why they are not found.

    Raises:
        UsageError: For the first of them that is unknown.
    """
    for name, reason in absent.items():
        if name not in listed_names():
            raise AbsentDataError(reason)


def plan_rows(
    datasets: Sequence[str],
    methods: Sequence[str],
    request: Request,
    tell: Callable[[str], None] = lambda text: None,
) -> Rows:
    """Plan one run for each pair; what cannot be run is told with its reason, and left out.

    Args:
        datasets: Columns of the table.
        methods: Rows of the table.
        request: What is asked of every run.
        tell: Called with what is being done.
    """
    cache_folder()  # One that is none is an error now, not of each row.
    rows: list[Row] = []
    absent: dict[str, str] = {}
    sources: dict[str, dict[str, Any]] = {}
    for dataset in datasets:
        tell(f"reading {dataset}")
        splits = find_splits(request.splits, dataset)
        sources[dataset] = {}
        try:
            source = find_source(dataset)
            sources[dataset] = {**source.folds_identity(splits), "data": source.digest}
        except AbsentDataError as error:
            absent[dataset] = str(error)
            continue
        except ValueError as error:
            rows += [Row(dataset, method, None, str(error)) for method in methods]
            continue
        for method in methods:
            tell(f"planning {method} on {dataset}")
            rows.append(_planned(dataset, method, request))
    return Rows(rows, absent, sources)


def _planned(dataset: str, method: str, request: Request) -> Row:
    splits = find_splits(request.splits, dataset)
    try:
        plan = make_plan(
            dataset,
            method,
            request.protocol,
            request.overrides,
            request.folds,
            request.seeds,
            splits,
            gpus_elsewhere=request.gpus_elsewhere,
        )
    except ValueError as error:
        details = error.details if isinstance(error, UsageError) else ""
        return Row(dataset, method, None, f"{error}\n{details}".strip())
    return Row(dataset, method, _or_complete_elsewhere(plan, request.results))


def _or_complete_elsewhere(plan: Plan, results: Path) -> Plan:
    """Return the same run on the other kind of device where that one is complete already."""
    if not missing_cells(plan, results):
        return plan
    tried = plan.configurations
    for accelerator in {"cpu", "gpu"} - {settings.accelerator for settings in tried}:
        moved = tuple(replace(settings, accelerator=accelerator) for settings in tried)  # type: ignore[arg-type]
        identity = {**plan.identity, "configurations": [settings.as_dict() for settings in moved]}
        other = replace(plan, configurations=moved, identity=identity)
        if not missing_cells(other, results):
            return other
    return plan


def missing_cells(plan: Plan, results: Path) -> list[Cell]:
    """Return the plan's cells that are not stored under ``results``, fold by fold."""
    store = RunStore(results, plan.run_id)
    return [c for c in plan.cells() if not store.has(c.configuration, c.fold, c.seed)]


def splits_folder(option: str | None) -> Path | None:
    """Return the folder of published splits: the one named, or the one beside the data.

    Args:
        option: A folder, ``own`` for the stratified splits made here, or nothing for the folder
            ``splits`` in ``$PYG_DIFFPOOL_DATA`` where there is one.

    Raises:
        UsageError: If the folder that is named is not there.
    """
    if option == OWN_SPLITS:
        return None
    if option is None:
        beside = Path(os.environ.get(DATA_VARIABLE, "")) / "splits"
        return beside if DATA_VARIABLE in os.environ and beside.is_dir() else None
    if not Path(option).is_dir():
        raise UsageError(f"--splits: expected a folder or {OWN_SPLITS!r}, no folder {option}")
    return Path(option)


def find_splits(folder: Path | None, dataset: str) -> Path | None:
    """Return the file of a data set's published folds in a folder, or nothing."""
    if folder is None:
        return None
    for part in SPLIT_FOLDERS:
        for name in (f"{dataset}_splits.json", f"{dataset}_full_splits.json"):
            if (folder / part / name).is_file():
                return folder / part / name
    return None
