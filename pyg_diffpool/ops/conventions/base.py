"""What a convention is: one way to turn an assignment into the numbers of the side objectives."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from pyg_diffpool.ops.contract.coarsening import Distances
from pyg_diffpool.ops.level import Level
from pyg_diffpool.ops.padded_graphs import PaddedGraphs
from pyg_diffpool.ops.row_entropy import entropy_of_rows
from pyg_diffpool.ops.segments import Segments


class Convention:
    """A row of the table ``CONVENTIONS``; built with the options that :attr:`options` names.

    Attributes:
        options: The options that it has; any other must be left at its default.
        reductions: How one value for each graph may become one value.
        distances: Which squared distances to the predicted adjacency its link objective takes.
        probabilities: Whether weights of edges must lie within [0, 1].
        counts_shared_once: Whether what all graphs of a dense level have in common counts once.
        links_pooled_levels: Whether the link objective has a meaning on pooled levels; where it has
            none, :class:`~pyg_diffpool.DiffPool` gives 0.
    """

    options: ClassVar[tuple[str, ...]] = ()
    reductions: ClassVar[tuple[str, ...]] = ("mean", "sum", "none")
    distances: ClassVar[Distances] = "graphs"
    probabilities: ClassVar[bool] = False
    counts_shared_once: ClassVar[bool] = False
    links_pooled_levels: ClassVar[bool] = True

    def link(self, s: Tensor, level: Level, squared: Tensor | None) -> Tensor:
        """Return the link prediction loss of each graph, or of the batch.

        Args:
            s: Assignment.
            level: What it assigns.
            squared: The squared distances that :attr:`distances` asks for.
        """
        raise NotImplementedError

    def row_entropy(self, s: Tensor) -> Tensor:
        """Return the entropy of each row of an assignment."""
        return entropy_of_rows(s)

    def entropy(self, rows: Tensor, graphs: Segments | PaddedGraphs) -> Tensor:
        """Return the entropy of each graph, or of the batch, from that of each row."""
        raise NotImplementedError

    def mean(self, values: Tensor, sizes: Tensor, *, pairs: bool) -> Tensor:
        """Return the mean over a batch: over its graphs, an empty one counting as 0.

        Args:
            values: One value for each graph.
            sizes: Number of nodes of each graph.
            pairs: Whether a value belongs to the pairs of a graph's nodes, not to its nodes.
        """
        return values.sum() / max(values.numel(), 1)

    def reduce(self, values: Tensor, sizes: Tensor, reduction: str, *, pairs: bool) -> Tensor:
        """Reduce the values by one of :attr:`reductions`; arguments as for :meth:`mean`."""
        if reduction == "none":
            return values
        return values.sum() if reduction == "sum" else self.mean(values, sizes, pairs=pairs)


def square_root(squared: Tensor) -> Tensor:
    """Root whose derivatives at zero are zero; rounding may have left zero slightly negative."""
    # Higher derivatives must not overflow above it, and no norm is as small, but by cancellation.
    zero = squared <= torch.finfo(squared.dtype).tiny ** 0.5
    return squared.masked_fill(zero, 1.0).sqrt().masked_fill(zero, 0.0)
