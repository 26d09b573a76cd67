"""What the contractions read of a sparse level, so that they need not import it."""

from __future__ import annotations

from typing import Protocol

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.segments import Segments


class SparseGraphs(Protocol):
    """A batch of sparse graphs, such as :class:`~pyg_diffpool.ops.level.SparseLevel`."""

    @property
    def adjacency(self) -> Adjacency:
        """The edges of all graphs."""

    @property
    def graphs(self) -> Segments:
        """Where each graph begins and ends."""
