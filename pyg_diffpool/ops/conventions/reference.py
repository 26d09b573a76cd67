"""The convention ``reference``: the objectives of the authors' code (RexYing/diffpool)."""

from __future__ import annotations

from torch import Tensor

from pyg_diffpool.ops.conventions.base import Convention
from pyg_diffpool.ops.conventions.cross_entropy import pairwise_cross_entropy
from pyg_diffpool.ops.level import Level
from pyg_diffpool.ops.padded_graphs import PaddedGraphs
from pyg_diffpool.ops.segments import Segments


class Reference(Convention):
    """Cross-entropy over all pairs of nodes; sums per graph, means over the nodes or pairs.

    Edge weights are probabilities here, which does not hold on pooled levels.
    """

    distances = None
    probabilities = True
    links_pooled_levels = False

    def link(self, s: Tensor, level: Level, squared: Tensor | None) -> Tensor:
        """Return the cross-entropy of each graph, summed over its pairs of nodes."""
        return pairwise_cross_entropy(s, level).to(level.loss_dtype(s))

    def entropy(self, rows: Tensor, graphs: Segments | PaddedGraphs) -> Tensor:
        """Return the sum over the nodes of each graph."""
        return graphs.sum_rows(rows).to(rows.dtype)

    def mean(self, values: Tensor, sizes: Tensor, *, pairs: bool) -> Tensor:
        """Return the mean over the nodes, or pairs of nodes, of all graphs."""
        counts = sizes.square() if pairs else sizes
        return values.sum() / counts.sum().clamp(min=1)
