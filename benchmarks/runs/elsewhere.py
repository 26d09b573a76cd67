"""A cell on another machine: with the runner's folders, where its results reach the runner."""

import os
import platform
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.data.folders import CACHE_VARIABLE, DATA_VARIABLE
from benchmarks.records.provenance import code_version, machine
from benchmarks.records.store import RunStore
from benchmarks.runs.worker import CellTask, Outcome
from benchmarks.spec.cell import Cell


class NotShared(NamedTuple):
    """A machine on which the runner's folder of results is not that of the runner."""

    machine: str


@dataclass(frozen=True)
class ElsewhereTask:
    """Runs a cell in a process that an engine has started on some machine.

    The records tell the version of the code there, and the machine where it is not the runner's.

    Args:
        task: What is done with a cell.
        token: A file that the runner has made in the run's folder.
        environment: The runner's variables that say where data are.
        machine: The runner's machine, as records have it.
    """

    task: CellTask
    token: Path
    environment: dict[str, str]
    machine: dict[str, Any]

    def __call__(self, cell: Cell) -> Outcome | NotShared:
        """Return what is told of a cell, or that its result would be out of the runner's reach."""
        if not self.token.exists():
            return NotShared(platform.node())
        os.environ.update(self.environment)
        version, here = _provenance()
        if here != self.machine:
            version = {**version, "machine": here}
        return replace(self.task, version=version)(cell)


@contextmanager
def elsewhere(task: CellTask) -> Iterator[ElsewhereTask]:
    """Yield a task as workers of other machines do it; within the block its token is there."""
    store = RunStore(task.store.folder.parent.absolute(), task.store.run_id)
    logs = None if task.logs is None else task.logs.absolute()
    token = store.claim_path(0, 0, 0).with_name(f"runner-{uuid.uuid4().hex}")
    token.touch()
    try:
        yield ElsewhereTask(replace(task, store=store, logs=logs), token, _variables(), machine())
    finally:
        token.unlink(missing_ok=True)
        with suppress(OSError):  # Claims are still in it.
            token.parent.rmdir()


def _variables() -> dict[str, str]:
    """Return the variables that are set, with whole paths: a worker's folder is another one."""
    found = {name: os.environ[name] for name in (DATA_VARIABLE, CACHE_VARIABLE) if os.getenv(name)}
    return {
        name: value if "://" in value else os.path.abspath(value) for name, value in found.items()
    }


@cache
def _provenance() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the code's version and the machine, asked for once a process."""
    return code_version(), machine()
