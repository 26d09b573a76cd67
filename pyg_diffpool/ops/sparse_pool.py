"""Pooling of a sparse level to a sparse level, with the side objectives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.assignments.logits import Logits
from pyg_diffpool.ops.assignments.sparse import SparseAssignment, sparse_assignment
from pyg_diffpool.ops.contract.sparse_coarsening import (
    gram_matrix,
    pooled_adjacency,
    squared_distances,
)
from pyg_diffpool.ops.conventions import Convention
from pyg_diffpool.ops.level import SparseLevel
from pyg_diffpool.ops.objectives import Objective
from pyg_diffpool.ops.objectives.sparse_pooling import SparsePooling
from pyg_diffpool.ops.precision import accumulation_dtype, without_autocast


class SparselyPooled(NamedTuple):
    """Output of :func:`sparse_pool`.

    Attributes:
        assignment: The assignment, on its support.
        x: Pooled features (M, F).
        adjacency: Pooled adjacency.
        losses: The side objectives by name, one value per graph (or one for the batch).
        means: Means of the side objectives over the batch.
    """

    assignment: SparseAssignment
    x: Tensor
    adjacency: Adjacency
    losses: dict[str, Tensor]
    means: dict[str, Tensor]


# Shapes depend on values throughout: compilers leave this function as it is, between two graphs.
@torch.compiler.disable  # type: ignore[untyped-decorator]
def sparse_pool(
    x: Tensor,
    logits: Logits,
    level: SparseLevel,
    counts: Tensor,
    convention: Convention,
    objectives: Mapping[str, Objective],
    assignment: str,
    temperature: float | Tensor = 1.0,
) -> SparselyPooled:
    """Assign, coarsen a sparse level to a sparse level, and compute the side objectives.

    Args:
        x: Features (N, F).
        logits: Assignment logits (N, K).
        level: The level.
        counts: Number of clusters of each graph, (B).
        convention: Convention of the side objectives.
        objectives: The side objectives by name.
        assignment: Name of a sparse assignment.
        temperature: The logits are divided by it.
    """
    s, rows = sparse_assignment(assignment, logits, level.graphs, counts, temperature)
    with without_autocast(x):
        adj = pooled_adjacency(level, s)
        gram = gram_matrix(s)
        squared = None
        if "link" in objectives:
            squared = squared_distances(level, adj, gram)
        pooling = SparsePooling(level, s, adj, gram, convention, rows, squared)
        losses: dict[str, Tensor] = {}
        means: dict[str, Tensor] = {}
        for name, objective in objectives.items():
            losses[name] = objective.values(pooling)
            means[name] = objective.mean(losses[name], pooling)
        weight = level.adjacency.weight
        dtype = accumulation_dtype(x.dtype, s.dtype, x.dtype if weight is None else weight.dtype)
        adjacency = adj.adjacency(dtype, level.adjacency.undirected is True)
        return SparselyPooled(s, s.pool(x).to(x.dtype), adjacency, losses, means)
