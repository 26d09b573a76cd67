r"""Edge features between the clusters of a sparse level, linear in the edges that remain.

.. math::
    \mathbf{e}'_{ab} = \sum_{u \to v} s_{ua} \, s_{vb} \, \mathbf{e}_{uv}

has a summand for each pair of an entry of :math:`\mathbf{s}_u` and one of :math:`\mathbf{s}_v`, as
the pooled adjacency has. The factors of the features are a sparse matrix with a row for each pooled
edge and a column for each edge, so that no row of features is formed for a pair, neither here nor
in the backward pass.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.aggregation import inverse_or_zero
from pyg_diffpool.ops.assignments.sparse import SparseAssignment
from pyg_diffpool.ops.contract.outer_products import each_entry
from pyg_diffpool.ops.edge_features import EdgeFeatures
from pyg_diffpool.ops.precision import accumulation_dtype, without_autocast
from pyg_diffpool.ops.sparse_matrix import Pattern, make_pattern, matrix_product


# Shapes depend on values, as in sparse_pool.
@torch.compiler.disable  # type: ignore[untyped-decorator]
def pool_edge_features_sparsely(
    features: EdgeFeatures, s: SparseAssignment, adjacency: Adjacency, reduce: str
) -> Tensor:
    """Pool edge features to the edges of a sparse pooled level.

    Args:
        features: The features of the level's edges.
        s: The assignment of the level's nodes.
        adjacency: The pooled adjacency.
        reduce: ``mean`` or ``sum``, see :func:`~pyg_diffpool.coarsen_edges`.

    Returns:
        Features of the pooled edges (E', C), in their storage order.
    """
    values, weight = features.values, features.weight
    dtype = accumulation_dtype(values.dtype, s.dtype)
    values = values.to(dtype)
    if reduce == "mean" and weight is not None:
        values = values * weight.to(dtype).unsqueeze(1)
    with without_autocast(values):
        factors, pattern = _factors(features, s, adjacency)
        total = matrix_product(factors.to(dtype), values, pattern)
    if reduce == "sum":
        return total
    assert adjacency.weight is not None
    return total * inverse_or_zero(adjacency.weight.to(dtype)).unsqueeze(1)


def _factors(
    features: EdgeFeatures, s: SparseAssignment, adjacency: Adjacency
) -> tuple[Tensor, Pattern]:
    """Return the factor of each edge's features in those of each pooled edge."""
    cluster, size = s.pattern.col, adjacency.num_nodes
    # Each edge with each entry of its source, and each of these with each entry of its target.
    edge, left = each_entry(s.pattern, features.source)
    middle, right = each_entry(s.pattern, features.target.index_select(0, edge))
    left, edge = left.index_select(0, middle), edge.index_select(0, middle)
    key = cluster.index_select(0, right) * size + cluster.index_select(0, left)
    # The edges of an adjacency are sorted by target, then source.
    known = adjacency.target * size + adjacency.col
    place = torch.searchsorted(known, key)
    # An entry of the support may be zero, and is then none of the pooled adjacency.
    found = (place < known.numel()).nonzero().view(-1)
    found = found[known[place[found]] == key[found]]
    found = found[place[found].argsort(stable=True)]
    factors = s.value.index_select(0, left[found]) * s.value.index_select(0, right[found])
    pattern = make_pattern(place[found], edge[found], known.numel(), features.source.numel())
    return factors, pattern
