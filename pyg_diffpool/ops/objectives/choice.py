"""Which objectives a layer computes, and what they weigh in its loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from torch import Tensor

from pyg_diffpool.ops.objectives import OBJECTIVES, OF_THE_PAPER, Objective, Pooling
from pyg_diffpool.ops.validation import kind

Weight: TypeAlias = float | tuple[Callable[[Pooling], Tensor], float]


def read_objectives(
    objectives: Mapping[str, Weight] | None,
    link_weight: float | None = None,
    entropy_weight: float | None = None,
) -> tuple[dict[str, Objective], dict[str, float]]:
    """Validate the objectives of a layer, and return them and their weights by name.

    Args:
        objectives: A weight, or a function of yours and its weight, by name.
            (default: those of the paper)
        link_weight: Short form of an entry ``"link"``.
        entropy_weight: Short form of an entry ``"entropy"``.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If a name is unknown or given twice, or a weight is not a finite number.
    """
    if objectives is None:
        objectives = dict.fromkeys(OF_THE_PAPER, 1.0)
    elif not isinstance(objectives, Mapping):
        raise TypeError(f"objectives: expected weights by name, got {kind(objectives)}")
    else:
        for name, short in (("link", link_weight), ("entropy", entropy_weight)):
            if short is not None and name in objectives:
                raise ValueError(
                    f"{name}_weight: expected None beside objectives with {name!r}, got {short}"
                )
    given: dict[str, Weight] = dict(objectives)
    for name, short in (("link", link_weight), ("entropy", entropy_weight)):
        if short is not None:
            given[name] = short
    chosen: dict[str, Objective] = {}
    weights: dict[str, float] = {}
    for name, value in given.items():
        chosen[name], weights[name] = _entry(name, value)
    return chosen, weights


def _entry(name: str, value: Weight) -> tuple[Objective, float]:
    """Return an objective and its weight."""
    if not isinstance(value, tuple):
        if name not in OBJECTIVES:
            listed = ", ".join(map(repr, OBJECTIVES))
            raise ValueError(
                f"objectives: expected one of {listed}, or a function with its weight, "
                f"(function, weight), got {name!r}: {kind(value)}"
            )
        return OBJECTIVES[name], _weight(name, value)
    if name in OBJECTIVES:
        raise ValueError(f"objectives: expected a weight alone for {name!r}, got a function")
    if len(value) != 2 or not callable(value[0]):
        raise TypeError(f"objectives: expected (function, weight) for {name!r}, got {value!r}")
    function, weight = value
    return Objective(partial(_checked, name, function)), _weight(name, weight)


def _weight(name: str, weight: object) -> float:
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise TypeError(f"objectives: expected a number as weight of {name!r}, got {kind(weight)}")
    if not math.isfinite(weight):
        raise ValueError(f"objectives: expected a finite weight of {name!r}, got {weight}")
    return weight


def _checked(name: str, function: Callable[[Pooling], Tensor], pooling: Pooling) -> Tensor:
    """Call a function of the user's, and check that it returns one value per graph."""
    values = function(pooling)
    graphs = pooling.level.graphs.batch_size
    if not isinstance(values, Tensor) or tuple(values.shape) != (graphs,):
        raise ValueError(
            f"objectives: expected {name!r} to return one value per graph, shape {[graphs]}, "
            f"got {kind(values)}"
        )
    return values
