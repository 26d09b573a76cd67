"""Times a whole 10-fold run of our network: folds one by one, over processes, or over streams."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from threading import BrokenBarrierError
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.spec.device import synchronise
from benchmarks.spec.errors import UsageError
from benchmarks.timing.epoch import train_steps
from benchmarks.timing.epoch_data import EpochData, load_epoch_data
from benchmarks.timing.trainees import OURS, EpochTrainee, Options, our_forward, our_network
from benchmarks.timing.works import Row
from pyg_diffpool import ResidentLoader

FOLDS = 10
ONE, PROCESSES, STREAMS = "one", "processes", "streams"
START_SECONDS = 300.0


class FoldTask(NamedTuple):
    """A fold and how long it trains."""

    fold: int
    epochs: int
    options: Options


class FoldRun(NamedTuple):
    """A whole run: its time, and the graphs trained on, epochs and folds together."""

    seconds: float
    graphs: int


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
    return everything if share == "all" else list(dict.fromkeys([ONE, share]))


def fold_rows(name: str, mode: str, epochs: int, jobs: int, options: Options) -> list[Row]:
    """Train all folds of a data set in one of the ways to share a machine; return one row."""
    run = run_folds(mode, name, epochs, jobs, torch.get_num_threads(), options)
    row = {"kind": "folds", "set": name, "contender": OURS, "mode": mode, "epochs": epochs}
    return [row | {"jobs": 1 if mode == ONE else jobs, **run._asdict()}]


def train_index(num_graphs: int, fold: int, seed: int) -> Tensor:
    """Return the graphs that a fold trains on: all but every tenth of a random order."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(num_graphs, generator=generator)
    return order[torch.arange(num_graphs) % FOLDS != fold]


def train_fold(data: EpochData, resident: ResidentLoader, task: FoldTask) -> int:
    """Train a new network on a fold; return the number of graphs trained on."""
    options = task.options
    network = our_network(data, options).to(options.device)
    index = train_index(len(data.graphs), task.fold, options.seed)
    loader = resident.subset(index, shuffle=True)
    trainee = EpochTrainee(network, our_forward(network), data=data, loader=loader)
    return sum(train_steps(trainee, options.device).graphs for _ in range(task.epochs))


def run_folds(
    mode: str, data_name: str, epochs: int, jobs: int, threads: int, options: Options
) -> FoldRun:
    """Train all folds and time it, without imports, loading and a first step of each worker.

    Args:
        mode: ``"one"``, fold after fold in this process; ``"processes"``, each with its share of
            the threads; or ``"streams"``, threads of this process, each with a CUDA stream.
        data_name: TU data set.
        epochs: Epochs of each fold.
        jobs: Folds at a time.
        threads: Torch threads, shared by all processes.
        options: What all contenders share.

    Raises:
        UsageError: If streams are asked for without a CUDA device.
    """
    tasks = [FoldTask(fold, epochs, options) for fold in range(FOLDS)]
    if mode == PROCESSES:
        return _over_processes(tasks, data_name, jobs, max(1, threads // jobs))
    if mode == STREAMS and not options.device.startswith("cuda"):
        raise UsageError(f"--share streams: expected --device cuda, got {options.device}")
    data = load_epoch_data(data_name)
    resident = _resident(data, options)
    train_fold(data, resident, FoldTask(0, 1, options))

    def train(task: FoldTask) -> int:
        if mode == ONE:
            return train_fold(data, resident, task)
        with torch.cuda.stream(torch.cuda.Stream()):  # type: ignore[no-untyped-call]
            return train_fold(data, resident, task)

    if mode == ONE:
        # In the main thread: torch keeps a pool of threads for each thread that calls it.
        return _timed(lambda: sum(train(task) for task in tasks), options.device)
    with ThreadPoolExecutor(jobs) as pool:
        return _timed(lambda: sum(pool.map(train, tasks)), options.device)


def _timed(train_all: Callable[[], int], device: str) -> FoldRun:
    synchronise(device)
    began = time.perf_counter()
    graphs = train_all()
    synchronise(device)
    return FoldRun(time.perf_counter() - began, graphs)


def _resident(data: EpochData, options: Options) -> ResidentLoader:
    return ResidentLoader(data.graphs, options.batch_size, device=torch.device(options.device))


# What a worker process keeps from one fold to the next.
_WORKER: dict[str, Any] = {}


def _over_processes(tasks: list[FoldTask], data_name: str, jobs: int, threads: int) -> FoldRun:
    context = multiprocessing.get_context("spawn")
    all_ready = context.Barrier(jobs)
    arguments = (data_name, tasks[0].options, threads, all_ready)
    with ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_start_worker, initargs=arguments
    ) as pool:
        # Each worker waits for the others, so that none of them takes two of these.
        for ready in [pool.submit(_wait_for_all) for _ in range(jobs)]:
            ready.result()
        began = time.perf_counter()
        graphs = sum(pool.map(_train_in_worker, tasks))
        return FoldRun(time.perf_counter() - began, graphs)


def _start_worker(data_name: str, options: Options, threads: int, all_ready: Any) -> None:
    torch.set_num_threads(threads)
    data = load_epoch_data(data_name)
    _WORKER.update(data=data, resident=_resident(data, options), all_ready=all_ready)
    _train_in_worker(FoldTask(0, 1, options))


def _wait_for_all() -> None:
    try:
        _WORKER["all_ready"].wait(START_SECONDS)
    except BrokenBarrierError:
        raise RuntimeError("a worker process did not start") from None


def _train_in_worker(task: FoldTask) -> int:
    return train_fold(_WORKER["data"], _WORKER["resident"], task)
