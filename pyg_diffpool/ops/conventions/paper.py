"""The convention ``paper``: one norm and one mean entropy per graph, averaged over graphs."""

from __future__ import annotations

from torch import Tensor

from pyg_diffpool.ops.conventions.base import Convention, square_root
from pyg_diffpool.ops.level import Level
from pyg_diffpool.ops.padded_graphs import PaddedGraphs
from pyg_diffpool.ops.segments import Segments


class Paper(Convention):
    """The objectives of the paper's Section 3.3, computed separately for each graph.

    Args:
        scale: ``"nodes"`` divides each graph's norm by its number of nodes.
    """

    options = ("scale",)

    def __init__(self, scale: str | None = None):
        self.scale = scale

    def link(self, s: Tensor, level: Level, squared: Tensor | None) -> Tensor:
        """Return the Frobenius norm of each graph."""
        assert squared is not None
        norm = square_root(squared)
        if self.scale == "nodes":
            norm = norm / level.graphs.sizes.clamp(min=1)
        return norm.to(level.loss_dtype(s))

    def entropy(self, rows: Tensor, graphs: Segments | PaddedGraphs) -> Tensor:
        """Return the mean over the nodes of each graph."""
        return (graphs.sum_rows(rows) / graphs.sizes.clamp(min=1)).to(rows.dtype)
