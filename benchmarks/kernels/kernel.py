"""What the module of a kernel method offers."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from benchmarks.kernels.capacity import Cost
from benchmarks.kernels.gram import FloatArray, Report
from benchmarks.kernels.graphs import LabelledGraphs


class Kernel(Protocol):
    """A kernel method's module.

    Attributes:
        DEFAULTS: Empty: a kernel has no settings.
        ITERATIONS: Numbers of iterations from which nested CV chooses, one Gram matrix each; empty
            for a kernel with one matrix.
        PACKAGES: Packages whose versions a cached matrix depends on.
        cost: Estimates memory and time from the graphs' sizes.
    """

    DEFAULTS: dict[str, Any]
    ITERATIONS: tuple[int, ...]
    PACKAGES: tuple[str, ...]
    cost: Callable[[LabelledGraphs], Cost]

    def grams(self, graphs: LabelledGraphs, jobs: int, report: Report) -> Iterator[FloatArray]:
        """Yield the Gram matrices, not normalised; one may be changed once the next is asked."""
