"""Runs the cells that a store lacks, over processes; a killed run goes on where it stopped."""

import datetime
import hashlib
import json
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import torch
from joblib.externals.loky import get_reusable_executor
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch_geometric.data import InMemoryDataset

from benchmarks.cell import Cell, run_cell
from benchmarks.dataset import (
    cached_dataset,
    check_features,
    check_kernel,
    check_protocol,
    encoder_of,
    folds_of,
    graph_sizes,
    splits_identity,
    task_of,
)
from benchmarks.errors import UsageError, unknown_name
from benchmarks.kernel_cell import check_memory, kernel_identity, prepare_grams
from benchmarks.kernels.kernel import is_kernel
from benchmarks.methods import build_network, load_method
from benchmarks.methods.user_class import UserClass
from benchmarks.prepared import prepared_graphs
from benchmarks.problem import Problem
from benchmarks.provenance import (
    code_version,
    dataset_digest,
    machine,
    package_versions,
)
from benchmarks.recipe import DATASETS, configurations
from benchmarks.settings import Settings
from benchmarks.store import RunStore
from benchmarks.task import metric_of, score_key


@dataclass(frozen=True)
class Plan:
    """What a command asks for: one run, its configurations, folds and seeds."""

    dataset: str
    method: str
    protocol: str
    configurations: tuple[Settings, ...]
    folds: tuple[int, ...]
    seeds: tuple[int, ...]
    splits: Path | None
    identity: dict[str, Any]

    @property
    def run_id(self) -> str:
        """The same for the same command; another for any other configuration, split or data."""
        content = json.dumps(self.identity, sort_keys=True).encode()
        method = self.method.replace(":", ".").replace("/", ".")
        short = hashlib.sha256(content).hexdigest()[:8]
        return f"{self.dataset}-{method}-{self.protocol}-{short}"

    def cells(self) -> list[Cell]:
        """Return the cells, fold by fold, so that an early stop leaves whole folds."""
        return [
            Cell(
                dataset=self.dataset,
                method=self.method,
                protocol=self.protocol,
                settings=settings,
                configuration=number,
                fold=fold,
                seed=seed,
                splits=None if self.splits is None else str(self.splits),
            )
            for seed in self.seeds
            for fold in self.folds
            for number, settings in enumerate(self.configurations)
        ]


class CellFailure(NamedTuple):
    """A cell that raised, with its traceback."""

    cell: Cell
    text: str


def make_plan(
    dataset: str,
    method: str,
    protocol: str,
    overrides: dict[str, Any],
    folds: Sequence[int] | None,
    seeds: Sequence[int],
    splits: Path | None,
) -> Plan:
    """Read the data once and check everything that can be checked before training.

    Without ``folds`` the plan has all that the protocol has on these data.
    """
    check_protocol(dataset, protocol, splits)
    if is_kernel(method):
        check_kernel(dataset, method)
    tried = tuple(configurations(dataset, method, overrides))
    data = _read_dataset(dataset)
    number = len(folds_of(dataset, protocol, None if splits is None else str(splits)))
    folds = range(number) if folds is None else folds
    beyond = [fold for fold in folds if fold >= number]
    if beyond:
        raise UsageError(f"--folds: expected 0 to {number - 1}, got {beyond[0]}")
    identity = {
        "dataset": dataset,
        "method": method,
        "protocol": protocol,
        "configurations": [settings.as_dict() for settings in tried],
        "splits": splits_identity(dataset, splits),
        "data": dataset_digest(data),
    }
    if is_kernel(method):
        # None of the networks' settings decides a kernel's result.
        identity |= {"configurations": [{}], "kernel": kernel_identity(method)}
        check_memory(dataset, method)
    else:
        _check_networks(method, tried, data, identity)
    return Plan(dataset, method, protocol, tried, tuple(folds), tuple(seeds), splits, identity)


def _check_networks(
    method: str, tried: tuple[Settings, ...], data: InMemoryDataset, identity: dict[str, Any]
) -> None:
    """Build each configuration's network once; a class's source becomes part of the identity."""
    implementation = load_method(method)
    if isinstance(implementation, UserClass):
        identity["source"] = implementation.fingerprint()
    for settings in tried:
        # A network that cannot be built is the user's error, to be told before any training.
        check_features(data, settings)
        problem = Problem(
            num_features=4,
            num_classes=task_of(data).num_outputs,
            clusters=[min(settings.max_clusters, 2)] * settings.num_pools,
            train_sizes=graph_sizes(data),
            num_edge_features=data.num_edge_features,
            encoder=encoder_of(data),
        )
        build_network(method, settings, problem)


def run(
    plan: Plan,
    results: Path,
    jobs: int,
    console: Console,
    admit: Callable[[Cell], bool] = lambda cell: True,
) -> int:
    """Run the plan's missing cells and return how many failed.

    Args:
        plan: What to run.
        results: Folder of results.
        jobs: Processes of one thread each.
        console: Where progress is told.
        admit: Asked when a process is free for a cell; a cell that it refuses is left out.
    """
    store = RunStore(results, plan.run_id)
    _describe(plan, store)
    cells = plan.cells()
    missing = [c for c in cells if not store.has(c.configuration, c.fold, c.seed)]
    console.print(f"results: {store.folder}", soft_wrap=True, highlight=False)
    if len(missing) < len(cells):
        console.print(f"{len(cells) - len(missing)} of {len(cells)} cells are finished already")
    version = code_version()
    failures: list[CellFailure] = []
    _prepare(plan, missing, jobs, console)
    jobs = max(1, min(jobs, len(missing)))
    with _progress(console) as progress:
        task = progress.add_task(plan.run_id, total=len(cells), completed=len(cells) - len(missing))
        try:
            for outcome in _outcomes(filter(admit, missing), store, version, jobs):
                progress.advance(task)
                if isinstance(outcome, CellFailure):
                    failures.append(outcome)
                    progress.console.print(f"[red]failed[/red] {_summary(outcome.cell)}")
                else:
                    progress.console.print(outcome, highlight=False, soft_wrap=True)
        except KeyboardInterrupt:
            # The workers are this run's own: stop them now, since a cell may have hours to go.
            get_reusable_executor().shutdown(wait=False, kill_workers=True)
            raise
    for failure in failures:
        console.print(f"\n{_summary(failure.cell)}:\n{failure.text}", markup=False)
    return len(failures)


def _prepare(plan: Plan, cells: list[Cell], jobs: int, console: Console) -> None:
    """Compute what the method prepares, before any worker would wait for it."""
    if is_kernel(plan.method):
        if cells:
            check_memory(plan.dataset, plan.method, min(jobs, len(cells)))
            prepare_grams(plan.dataset, plan.method, jobs, console)
        return
    dataset = _read_dataset(plan.dataset)
    for settings in dict.fromkeys(cell.settings for cell in cells):
        with console.status(f"preparing the graphs of {plan.dataset} for {plan.method}"):
            prepared_graphs(dataset, plan.method, settings, jobs)


def _read_dataset(name: str) -> InMemoryDataset:
    try:
        return cached_dataset(name)
    except FileNotFoundError as error:
        if name in DATASETS:
            raise UsageError(str(error)) from error
        raise UsageError(f"{unknown_name('data set', name, DATASETS)} ({error})") from error


def _outcomes(
    cells: Iterable[Cell], store: RunStore, version: dict[str, Any], jobs: int
) -> Iterator[str | CellFailure]:
    parent = os.getpid() if jobs > 1 else None
    parallel = joblib.Parallel(
        n_jobs=jobs,
        return_as="generator_unordered",
        # Nothing is queued ahead: a runner killed leaves only the cells in flight.
        pre_dispatch="n_jobs",
        batch_size=1,
    )
    yield from parallel(joblib.delayed(_execute)(cell, store, version, parent) for cell in cells)


def _execute(
    cell: Cell, store: RunStore, version: dict[str, Any], parent: int | None
) -> str | CellFailure:
    """Run a cell in a worker and store it there, so that it outlives the runner."""
    if parent is not None and threading.current_thread() is threading.main_thread():
        # The terminal's interrupt is for the runner, which ends its workers.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _stop_with(parent)
    torch.set_num_threads(1)
    try:
        result = run_cell(cell)
    except Exception:
        return CellFailure(cell, traceback.format_exc())
    store.write_checkpoint(cell.configuration, cell.fold, cell.seed, result.checkpoint)
    store.write_cell({**result.record, **version})
    return _summary(cell, result.record)


@cache
def _stop_with(parent: int) -> None:
    """End this worker soon after its runner, also while it waits for a cell."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _summary(cell: Cell, record: dict[str, Any] | None = None) -> str:
    text = f"configuration {cell.configuration}, fold {cell.fold}, seed {cell.seed}"
    if record is None:
        return text
    metric = metric_of(record)
    text += ": " if metric == "accuracy" else f": {metric} "
    text += f"validation {100 * record[score_key(record, 'validation')]:.1f} %"
    test = record[score_key(record, "test")]
    if test is not None:
        text += f", test {100 * test:.1f} %"
    return f"{text}, epoch {record['best_epoch']} of {record['epochs']}, {record['seconds']:.0f} s"


def _describe(plan: Plan, store: RunStore) -> None:
    """Write run.json at the run's start; later commands add their folds and seeds to it."""
    before = store.read_run() or {}
    splits = {**plan.identity["splits"], "file": plan.splits.name if plan.splits else None}
    store.write_run(
        {
            "run": plan.run_id,
            **plan.identity,
            "splits": splits,
            "folds": sorted({*before.get("folds", []), *plan.folds}),
            "seeds": sorted({*before.get("seeds", []), *plan.seeds}),
            "started": before.get("started")
            or datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "code": before.get("code") or code_version(),
            "packages": before.get("packages") or package_versions(),
            "machine": before.get("machine") or machine(),
        }
    )


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("remaining"),
        TimeRemainingColumn(),
        console=console,
        # Cells take minutes: the estimate must look back further than rich's 30 s.
        speed_estimate_period=3600.0,
    )
