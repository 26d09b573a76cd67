"""What the module of a kernel method offers, and how it is told from a network's."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, cast

from benchmarks.kernels.capacity import Cost
from benchmarks.kernels.gram import FloatArray, Report
from benchmarks.kernels.graphs import LabelledGraphs
from benchmarks.methods import is_user_class, load_method
from benchmarks.spec.errors import UsageError


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


def is_kernel(method: str) -> bool:
    """Tell whether a method is a kernel: it has Gram matrices instead of a network."""
    return not is_user_class(method) and hasattr(load_method(method), "grams")


def load_kernel(method: str) -> Kernel:
    """Return the kernel registered under a name."""
    return cast(Kernel, load_method(method))


def refuse_settings(method: str, overrides: Mapping[str, Any]) -> None:
    """Raise where a setting is named: a kernel has none, whatever the device."""
    named = [key for key in overrides if key != "accelerator"]
    if named:
        value = json.dumps(overrides[named[0]])
        raise UsageError(
            f"--set {named[0]}={value}: {method} is a kernel and has no settings; C and the number "
            "of iterations are chosen by cross-validation"
        )
