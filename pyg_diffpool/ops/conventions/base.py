"""The interface of a convention, which defines how the side objectives are computed."""

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
    """An entry of the table ``CONVENTIONS``, constructed with the options in :attr:`options`.

    Attributes:
        options: Names of the supported options; all others must have their default values.
        reductions: Names of the supported reductions.
        distances: Which squared distances to the predicted adjacency the link objective needs.
        probabilities: Whether edge weights must be in [0, 1].
        counts_shared_once: Whether tensors that all graphs of a dense level share count once.
        links_pooled_levels: Whether the link objective is defined on pooled levels; otherwise,
            :class:`~pyg_diffpool.DiffPool` returns 0 there.
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
            level: The level whose nodes are assigned.
            squared: The squared distances specified by :attr:`distances`.
        """
        raise NotImplementedError

    def row_entropy(self, s: Tensor) -> Tensor:
        """Return the entropy of each row of an assignment."""
        return entropy_of_rows(s)

    def entropy(self, rows: Tensor, graphs: Segments | PaddedGraphs) -> Tensor:
        """Return the entropy of each graph, or of the batch, given the entropy of each row."""
        raise NotImplementedError

    def mean(self, values: Tensor, sizes: Tensor, *, pairs: bool) -> Tensor:
        """Return the mean over the graphs of a batch, where an empty graph has value 0.

        Args:
            values: One value per graph.
            sizes: Number of nodes of each graph.
            pairs: Whether a value refers to the pairs of a graph's nodes instead of its nodes.
        """
        return values.sum() / max(values.numel(), 1)

    def reduce(self, values: Tensor, sizes: Tensor, reduction: str, *, pairs: bool) -> Tensor:
        """Apply one of :attr:`reductions`; the other arguments are as for :meth:`mean`."""
        if reduction == "none":
            return values
        return values.sum() if reduction == "sum" else self.mean(values, sizes, pairs=pairs)


def square_root(squared: Tensor) -> Tensor:
    """Square root whose derivatives at zero are zero; accepts slightly negative rounding errors."""
    # Values below this threshold are rounding errors; their higher derivatives would overflow.
    zero = squared <= torch.finfo(squared.dtype).tiny ** 0.5
    return squared.masked_fill(zero, 1.0).sqrt().masked_fill(zero, 0.0)
