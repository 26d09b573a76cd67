"""The same graphs as a sparse and as a dense level."""

from __future__ import annotations

import torch

from pyg_diffpool.ops.level import DenseLevel, SparseLevel, read_level
from tests.problems import CORNER_CASES, Problem

PROBLEM = CORNER_CASES["directed, signed weights"]


def sparse(problem: Problem = PROBLEM) -> tuple[SparseLevel, tuple[torch.Tensor, ...]]:
    given = (problem.edge_index, problem.edge_weight, problem.batch, problem.batch_size)
    return read_level({"x": problem.x, "s": problem.s}, *given)


def dense(
    problem: Problem = PROBLEM, fill: float = 0.0
) -> tuple[DenseLevel, tuple[torch.Tensor, ...]]:
    (x, mask), (s, _) = (problem.to_dense(rows, fill=fill) for rows in (problem.x, problem.s))
    adj = problem.to_dense_adjacency(fill=fill)
    return read_level({"x": x, "s": s}, adj, mask=mask, validate=False)
