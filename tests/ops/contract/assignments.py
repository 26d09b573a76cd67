"""Sparse assignments of problems, and what they are as matrices."""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.ops.assignments.logits import GivenLogits
from pyg_diffpool.ops.assignments.sparse import SparseAssignment, sparse_assignment
from pyg_diffpool.ops.contract.sparse_coarsening import ClusterMatrix
from pyg_diffpool.ops.level import SparseLevel
from tests.oracles import number_of_clusters
from tests.problems import Problem


def assign(
    problem: Problem,
    level: SparseLevel,
    name: str = "sparsemax",
    logits: Tensor | None = None,
    percent: int = 60,
) -> SparseAssignment:
    """Assign the nodes of a problem by its logits."""
    logits = problem.logits if logits is None else logits
    counts = [number_of_clusters(n, percent, logits.size(1)) for n in problem.sizes]
    return sparse_assignment(name, GivenLogits(logits), level.graphs, torch.tensor(counts))[0]


def as_matrices(matrix: ClusterMatrix, width: int) -> Tensor:
    """Return a sparse matrix as (B, K, K), where rows are sources."""
    clusters, pattern = matrix.clusters, matrix.pattern
    graph = clusters.batch[pattern.row]
    target, source = pattern.row - clusters.ptr[graph], pattern.col - clusters.ptr[graph]
    zeros = matrix.value.new_zeros(clusters.batch_size, width, width)
    return zeros.index_put((graph, source, target), matrix.value)
