"""What side objectives weigh: the value of the setting ``objectives``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from benchmarks.spec.errors import UsageError, unknown_name

OBJECTIVES = ("link", "entropy", "cut", "orthogonality", "modularity", "collapse", "balance")
"""The names that may be weighed."""


class Weights(tuple[tuple[str, float], ...]):
    """Weights by name, sorted: a mapping in a recipe, ``name:weight,name:weight`` in ``--set``."""


def weights_from_text(text: str) -> dict[str, float | str]:
    """Read ``name:weight,name:weight``; a weight that does not parse is left to the check."""
    pairs = [part.partition(":") for part in text.split(",")]
    return {name.strip(): _number(weight.strip()) for name, _, weight in pairs}


def checked_weights(key: str, given: Mapping[str, Any]) -> Weights:
    """Return weights by name, sorted, so that equal ones have one way to be.

    Raises:
        UsageError: If a name is unknown, or a weight is not a number from 0 on.
    """
    for name, weight in given.items():
        if name not in OBJECTIVES:
            raise unknown_name(f"name in setting {key}", str(name), OBJECTIVES)
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not 0 <= weight < math.inf:
            raise UsageError(
                f"setting {key}: expected a finite number from 0 on for {name}, got {weight!r}"
            )
    return Weights(sorted((name, float(weight)) for name, weight in given.items()))


def recorded_link_weight(record: Mapping[str, Any]) -> float:
    """Return what the link objective weighs by a record of settings."""
    objectives = record.get("objectives")
    if objectives is not None:
        return float(objectives.get("link", 0.0))
    return float(record.get("link_weight", 1.0))


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
