"""Sparse levels, and everything that a contraction gives, by plain loops over graphs."""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool import prepare_adjacency
from pyg_diffpool.ops.level import SparseLevel
from pyg_diffpool.ops.segments import segments
from tests.problems import Problem


def level_of(problem: Problem, weight: Tensor | None = None) -> SparseLevel:
    """Return the level of a problem, its weights replaced if there are any."""
    given = problem.edge_weight
    if given is not None and weight is not None:
        given = weight
    adjacency = prepare_adjacency(problem.edge_index, given, problem.num_nodes)
    graphs = segments(
        problem.num_nodes, problem.batch, problem.batch_size, None, problem.x.device, None
    )
    return SparseLevel(adjacency, graphs)


def contraction_oracle(
    level: SparseLevel, x: Tensor, s: Tensor, weight: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return SᵀX, SᵀAS, SᵀS and ‖A - SSᵀ‖² of each graph; weights are the prepared ones."""
    adjacency, graphs = level
    count = x.size(0)
    values = torch.ones(adjacency.col.numel()).double() if weight is None else weight
    matrix = torch.zeros(count, count, dtype=torch.float64)
    matrix = matrix.index_put((adjacency.col, adjacency.target), values.double(), accumulate=True)
    results = []
    for first, last in zip(graphs.ptr[:-1].tolist(), graphs.ptr[1:].tolist(), strict=True):
        own, dense = s[first:last].double(), matrix[first:last, first:last]
        results.append(
            (
                own.t() @ x[first:last].double(),
                own.t() @ dense @ own,
                own.t() @ own,
                (dense - own @ own.t()).square().sum(),
            )
        )
    pooled, adj, gram, squared = zip(*results, strict=True)
    return torch.stack(pooled), torch.stack(adj), torch.stack(gram), torch.stack(squared)
