"""What engines have in common that hand cells over one by one: room, retries, and an end."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import islice
from typing import Any

from benchmarks.runs.elsewhere import ElsewhereTask, NotShared, elsewhere
from benchmarks.runs.worker import CellFailure, CellTask, Outcome
from benchmarks.spec.cell import Cell
from benchmarks.spec.errors import UsageError

RETRIES = 3
"""Times that a cell is begun again after its worker was lost."""


class LostWorkerError(RuntimeError):
    """The worker of a cell is gone: the cell may succeed on another one."""


class SubmittingEngine(ABC):
    """Keeps as many cells in flight as there is room for.

    A subclass says how a cell is begun, waited for and stopped. What :meth:`begin` returns for a
    cell, its handle, is the subclass's own; it has to be hashable.
    """

    @abstractmethod
    def room(self) -> int:
        """Return how many cells may be in flight now, at least 1."""

    @abstractmethod
    def begin(self, task: ElsewhereTask, cells: Sequence[Cell]) -> list[Any]:
        """Begin cells, and return a handle for each."""

    @abstractmethod
    def finished(self, handles: Sequence[Any]) -> list[Any]:
        """Return the handles whose cells are finished; wait until there is one."""

    @abstractmethod
    def outcome(self, handle: Any, cell: Cell) -> Outcome | NotShared:
        """Return the outcome of a finished cell.

        Raises:
            LostWorkerError: If its worker was lost.
        """

    @abstractmethod
    def stop(self, handles: Sequence[Any]) -> None:
        """Stop cells in flight."""

    def outcomes(
        self, task: CellTask, cells: Sequence[Cell], admit: Callable[[Cell], bool]
    ) -> Generator[Outcome, None, None]:
        """Run cells and yield the outcome of each as it is there."""
        with elsewhere(task) as there:
            yield from self._outcomes(there, filter(admit, cells))

    def _outcomes(self, task: ElsewhereTask, waiting: Iterator[Cell]) -> Iterator[Outcome]:
        running: dict[Any, Cell] = {}
        lost: Counter[Cell] = Counter()

        def begin(cells: Sequence[Cell]) -> None:
            running.update(zip(self.begin(task, cells), cells, strict=True))

        try:
            while True:
                free = max(self.room() - len(running), 0)
                if chosen := list(islice(waiting, free)):
                    begin(chosen)
                if not running:
                    return
                for handle in self.finished(list(running)):
                    cell = running.pop(handle)
                    try:
                        outcome = self.outcome(handle, cell)
                    except LostWorkerError as error:
                        lost[cell] += 1
                        if lost[cell] <= RETRIES:
                            begin([cell])
                        else:
                            yield CellFailure(
                                cell, f"its worker was lost {lost[cell]} times: {error}"
                            )
                        continue
                    if isinstance(outcome, NotShared):
                        raise UsageError(_not_shared(outcome, task))
                    yield outcome
        finally:
            if running:
                self.stop(list(running))


def _not_shared(outcome: NotShared, task: ElsewhereTask) -> str:
    return (
        f"--out: the folder of results {task.task.store.folder.parent} on {outcome.machine} is not "
        "the one here; expected a folder that all machines share. Without one, let each machine "
        "run folds or seeds of its own by --engine local, and bring their folders together by "
        "`python -m benchmarks merge`"
    )
