"""Where cells run: what an engine offers, and what is asked of it."""

from collections.abc import Callable, Generator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from benchmarks.runs.worker import CellTask, Outcome
from benchmarks.spec.cell import Cell


class Engine(Protocol):
    """Places the cells of a run on processes, here or on other machines.

    A cell is a pure function and the store knows which are finished, so that an engine only has to
    see that each cell is trained somewhere.
    """

    def outcomes(
        self, task: CellTask, cells: Sequence[Cell], admit: Callable[[Cell], bool]
    ) -> Generator[Outcome, None, None]:
        """Run cells and yield the outcome of each as it is there, in any order.

        This is a generator: closing it stops what is in flight.

        Args:
            task: What a worker does with a cell.
            cells: The cells, one at least.
            admit: Asked when there is room for a cell; a cell that it refuses is left out.
        """


class EngineRequest(NamedTuple):
    """What a command asks of an engine.

    Attributes:
        jobs: Cells that run at the same time; 0: as many as there is room for.
        gpus_per_cell: GPUs that each cell occupies, a fraction where several share one.
        options: The engine's own options by their names, as texts.
    """

    jobs: int = 0
    gpus_per_cell: float = 0.0
    options: Mapping[str, str] = MappingProxyType({})
