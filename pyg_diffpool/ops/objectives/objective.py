"""What an objective is: a number for each graph, computed from a pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from pyg_diffpool.ops.contract.coarsening import Coarsening
from pyg_diffpool.ops.conventions import Convention
from pyg_diffpool.ops.level import Level


class Pooling(NamedTuple):
    """What an objective may look at.

    Attributes:
        level: The level that was pooled, sparse or dense.
        s: Assignment of its nodes.
        row_entropy: Entropy of each row of the assignment.
        coarsening: The three contractions.
        squared: The squared distances that the convention asks for.
    """

    level: Level
    s: Tensor
    row_entropy: Tensor
    coarsening: Coarsening
    squared: Tensor | None


class Objective(NamedTuple):
    """A row of the table ``OBJECTIVES``.

    Attributes:
        values: From a pooling and a convention to one value for each graph (or for the batch).
        pairs: Whether a value belongs to the pairs of a graph's nodes, not to its nodes.
    """

    values: Callable[[Pooling, Convention], Tensor]
    pairs: bool
