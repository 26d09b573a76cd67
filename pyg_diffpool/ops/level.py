"""From the arguments of a public function to a checked level: sparse, or dense."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency, prepare_adjacency
from pyg_diffpool.ops.dense_coarsen import mask_adjacency
from pyg_diffpool.ops.edge_formats import SPARSE_LAYOUTS
from pyg_diffpool.ops.pairwise_cross_entropy import check_probabilities
from pyg_diffpool.ops.segments import Segments, segments
from pyg_diffpool.ops.validation import (
    check_dense_level,
    check_finite,
    check_floating,
    values_checked,
)


def is_dense_level(rows: object) -> bool:
    """Whether node features or assignments are those of a dense level, (B, N, ·)."""
    return isinstance(rows, Tensor) and rows.dim() == 3


def sparse_level(
    name: str,
    rows: Tensor,
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
    edge_weight: Tensor | None,
    batch: Tensor | Segments | None,
    batch_size: int | None,
    *,
    mask: Tensor | None,
    max_num_nodes: int | None,
    validate: bool | None,
    probabilities: bool = False,
) -> tuple[Adjacency, Segments]:
    """Check a sparse level, and return its adjacency and its graphs.

    Args:
        name: What to call :obj:`rows` in an error.
        rows: A row for each node, (N, ·).
        edge_index: As in ``coarsen``, as are the arguments that follow.
        edge_weight: Weights of the edges.
        batch: Graph of each node.
        batch_size: Number of graphs.
        mask: Refused.
        max_num_nodes: Nodes of the largest graph.
        validate: Whether to check values.
        probabilities: Whether weights must lie within 0 and 1.
    """
    check_floating(name, rows, 2)
    if mask is not None:
        raise ValueError("mask: expected None on a sparse level, where every row is a node")
    nodes = rows.size(0)
    adjacency = prepare_adjacency(edge_index, edge_weight, nodes, validate=validate)
    graphs = segments(nodes, batch, batch_size, max_num_nodes, rows.device, validate, adjacency)
    if probabilities and values_checked(rows, validate):
        check_probabilities(_given_weights(edge_index, edge_weight))
    return adjacency, graphs


def dense_level(
    name: str,
    rows: Tensor,
    adj: object,
    edge_weight: Tensor | None,
    batch: Tensor | Segments | None,
    *,
    mask: Tensor | None,
    validate: bool | None,
    probabilities: bool = False,
) -> Tensor:
    """Check a dense level, and return its adjacency matrices (B, N, N)."""
    if not isinstance(adj, Tensor) or isinstance(adj, EdgeIndex) or adj.layout in SPARSE_LAYOUTS:
        raise TypeError(
            f"edge_index: expected a dense adjacency [B, N, N] beside {name} [B, N, ·], "
            f"got {type(adj).__name__}"
        )
    for other, value in (("edge_weight", edge_weight), ("batch", batch)):
        if value is not None:
            raise ValueError(f"{other}: expected None on a dense level, got a tensor")
    check_dense_level(rows, adj, mask)
    if values_checked(rows, validate):
        weights = mask_adjacency(adj, mask)
        check_finite("adj", weights)
        if probabilities:
            check_probabilities(weights)
    return adj


def _given_weights(
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency, edge_weight: Tensor | None
) -> Tensor | None:
    """Return the weights before duplicates were summed, as far as they are known."""
    if edge_weight is not None or isinstance(edge_index, EdgeIndex):
        return edge_weight
    if isinstance(edge_index, Adjacency):
        return None if edge_index.weight is None else edge_index.weight.clamp(max=1)
    if isinstance(edge_index, SparseTensor):
        value: Tensor | None = edge_index.storage.value()
        return value
    if edge_index.layout == torch.sparse_coo:
        return edge_index._values()
    return edge_index.values() if edge_index.layout in SPARSE_LAYOUTS else None
