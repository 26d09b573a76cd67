"""What MinCut and DMoN share: soft assignment, normalised coarsening and side objectives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from pyg_diffpool.ops.conventions import read_convention
from pyg_diffpool.ops.level import Level
from pyg_diffpool.ops.normalized_adjacency import normalized_adjacency
from pyg_diffpool.ops.objectives import Objective, Pooling
from pyg_diffpool.ops.soft_assignment import soft_assignment


class NormalizedPooling(NamedTuple):
    """Output of :func:`pool_and_normalize`.

    Attributes:
        s: Soft assignment, with zeros in padding.
        x: Pooled features (B, K, F).
        adj: Pooled adjacency (B, K, K) with a zero diagonal and symmetric normalisation.
        losses: Mean of each objective over the graphs.
    """

    s: Tensor
    x: Tensor
    adj: Tensor
    losses: tuple[Tensor, ...]


def pool_and_normalize(
    x: Tensor, logits: Tensor, level: Level, objectives: Sequence[Objective], backend: str
) -> NormalizedPooling:
    """Assign and coarsen a level, and compute objectives from the same contractions."""
    graphs = level.graphs
    # Values in padding must not reach a gradient, not even as 0 · NaN.
    s = graphs.mask_rows(soft_assignment(graphs.mask_rows(logits)))
    coarsening, _ = level.contract(x, s, backend)
    pooling = Pooling(level, s, coarsening, read_convention("paper"))
    losses = tuple(objective.mean(objective.values(pooling), pooling) for objective in objectives)
    adj = normalized_adjacency(coarsening.adj)
    return NormalizedPooling(s, coarsening.x.to(x.dtype), adj, losses)
