"""The effective number of clusters: how many a graph's nodes would fill evenly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from pyg_diffpool import SparsePooledGraph
from pyg_diffpool.ops.assignments.sparse import SparseAssignment


def effective_clusters(s: Tensor, graph: Tensor, num_graphs: int) -> Tensor:
    r"""Return the effective number of clusters of each graph.

    .. math::
        \exp H(\bar{s}), \qquad \bar{s} = \frac{1}{n} \sum_i s_i, \qquad
        H(p) = - \sum_k p_k \log p_k

    It is :math:`K` where the nodes are spread evenly over :math:`K` clusters, and 1 where all of
    them are in one.

    Args:
        s: One row a node, ``[N, K]``, nonnegative; each sums to one.
        graph: Graph of each node ``[N]``.
        num_graphs: Number of graphs :math:`B`.

    Returns:
        Float64 ``[B]``; a graph without nodes has none (NaN).
    """
    total = s.new_zeros(num_graphs, s.size(1), dtype=torch.float64)
    total.index_add_(0, graph, s.double())
    nodes = torch.bincount(graph, minlength=num_graphs).unsqueeze(1)
    return entropy(total / nodes).exp()


def entropy(p: Tensor) -> Tensor:
    """Return the entropy of each row, in nats."""
    terms: Tensor = torch.xlogy(p, p)
    return -terms.sum(-1)


def effective_sparse_clusters(assignment: SparseAssignment) -> Tensor:
    """Return the same for an assignment that is stored on its support."""
    clusters, nodes = assignment.clusters, assignment.nodes
    ones = assignment.value.new_ones(nodes.batch.numel(), 1)
    total = assignment.pool(ones).double().view(-1)
    share = total / nodes.sizes[clusters.batch]
    return (-clusters.sum_rows(torch.xlogy(share, share))).exp()


def padded_levels(levels: Sequence[Any]) -> list[Any]:
    """Return a network's levels, the sparse ones of them padded."""
    return [
        level.to_padded(number > 0) if isinstance(level, SparsePooledGraph) else level
        for number, level in enumerate(levels)
    ]


def assigned_rows(levels: Sequence[Any], graph: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield each level's assignment as one row a node, ``[N, K]``, and each row's graph ``[N]``.

    The nodes of a deeper level are the clusters below that are not masked.

    Args:
        levels: A network's levels, :class:`pyg_diffpool.PooledGraph`.
        graph: Graph of each input node ``[N]``.
    """
    mask: Tensor | None = None
    for level in levels:
        s = level.assignment
        yield (s, graph) if mask is None else (s[mask], mask.nonzero()[:, 0])
        mask = level.mask
