"""One training over several devices, a process each, by Lightning's data parallelism."""

import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import distributed, multiprocessing

from benchmarks.data.registry import find_source
from benchmarks.spec.cell import Cell, CellResult
from benchmarks.spec.errors import DivergedError
from benchmarks.training.network_cell import run_network_cell
from benchmarks.training.parent import end_with

_ANSWER, _MEETING = "answer.pt", "meeting"


def run_on_ranks(cell: Cell, log: Path | None = None) -> CellResult:
    """Train and evaluate a cell of a network in ``cell.settings.devices`` processes.

    Each has its part of every batch (``ResidentLoader(shard="batch")``), so that a batch is what it
    is on one device.

    Args:
        cell: What to run.
        log: Folder of TensorBoard's event files. (default: none are written)
    """
    if multiprocessing.current_process().daemon:
        raise RuntimeError(
            "setting devices: expected 1 in a process that may start none, such as a Dask worker"
        )
    with tempfile.TemporaryDirectory(prefix="pyg_diffpool-") as folder:
        multiprocessing.start_processes(
            _run_rank,
            (cell, log, Path(folder), os.getpid()),
            nprocs=cell.settings.devices,
            start_method="spawn",
        )
        # Written by our own process.
        answer: Any = torch.load(Path(folder, _ANSWER), weights_only=False)
    if isinstance(answer, str):
        raise DivergedError(answer)
    return CellResult(*answer)


def _run_rank(rank: int, cell: Cell, log: Path | None, folder: Path, parent: int) -> None:
    """Train a cell as one of its processes; the first one leaves the answer."""
    end_with(parent)
    torch.set_num_threads(1)
    # By the first of these Lightning knows that its processes are there already.
    os.environ.update(LOCAL_RANK=str(rank), NODE_RANK="0")
    on_gpu = cell.settings.accelerator != "cpu" and torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(rank)
    distributed.init_process_group(
        # What is told as Python's objects and on the host goes by gloo.
        "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
        init_method=f"file://{folder / _MEETING}",
        rank=rank,
        world_size=cell.settings.devices,
    )
    answer: Any
    try:
        answer = tuple(
            run_network_cell(cell, find_source(cell.dataset), log if rank == 0 else None)
        )
    except DivergedError as error:
        answer = str(error)
    if rank == 0:
        torch.save(answer, folder / _ANSWER)
    distributed.barrier()  # Nobody leaves while another still listens.
    distributed.destroy_process_group()
