"""The interface of an objective: one value per graph, computed from a pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from pyg_diffpool.ops.contract.coarsening import Coarsening
from pyg_diffpool.ops.conventions import Convention
from pyg_diffpool.ops.level import Level


class Pooling(NamedTuple):
    """Input of an objective.

    Attributes:
        level: The level that was pooled, sparse or dense.
        s: Assignment of the level's nodes.
        row_entropy: Entropy of each row of the assignment.
        coarsening: The three contractions.
        squared: The squared distances that the convention needs.
    """

    level: Level
    s: Tensor
    row_entropy: Tensor
    coarsening: Coarsening
    squared: Tensor | None


class Objective(NamedTuple):
    """An entry of the table ``OBJECTIVES``.

    Attributes:
        values: Function of a pooling and a convention that returns one value per graph (or one for
            the batch).
        pairs: Whether a value refers to the pairs of a graph's nodes instead of its nodes.
    """

    values: Callable[[Pooling, Convention], Tensor]
    pairs: bool
