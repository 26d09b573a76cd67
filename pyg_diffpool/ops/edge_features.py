"""Edge features of a level: reading them, and summing them between clusters."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from torch_geometric.index import index2ptr

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.aggregation import inverse_or_zero
from pyg_diffpool.ops.edge_formats import read_edges
from pyg_diffpool.ops.edge_order import order_edges, pair_order, stable_order
from pyg_diffpool.ops.level import (
    DenseLevel,
    Edges,
    Level,
    SparseLevel,
    level_without_edges,
    mask_adjacency,
)
from pyg_diffpool.ops.operator import traced
from pyg_diffpool.ops.precision import accumulated, accumulation_dtype, without_autocast
from pyg_diffpool.ops.segments import Segments
from pyg_diffpool.ops.sparse_product import sparse_product
from pyg_diffpool.ops.transforms import transformed
from pyg_diffpool.ops.validation import check_floating

# Entries of the rows that are kept for the backward pass of a chunk of channels, at least.
CHUNK_ENTRIES = 2**20


class EdgeFeatures(NamedTuple):
    """The edges of a sparse level as they were passed, with duplicates, and their features.

    Attributes:
        values: Features (E, C).
        source: Source of each edge (E).
        target: Target of each edge (E).
        weight: Weight of each edge (E), or None if all are one.
    """

    values: Tensor
    source: Tensor
    target: Tensor
    weight: Tensor | None


def read_edge_features(
    edge_attr: Tensor, edge_index: Edges, edge_weight: Tensor | None, level: Level
) -> Tensor | EdgeFeatures:
    """Validate the edge features of a level that has been read.

    Args:
        edge_attr: Features (E, C) in the order of the edges, or (B, N, N, C) on a dense level.
        edge_index: The edges as passed by the caller; those of a prepared adjacency and of a sparse
            matrix are in storage order.
        edge_weight: Weights of these edges.
        level: The level of the edges.

    Returns:
        On a dense level, features (B, N, N, C) with zeros in padding.
    """
    if isinstance(level, DenseLevel):
        return _read_matrices(edge_attr, level)
    check_floating("edge_attr", edge_attr, 2)
    if isinstance(edge_index, Adjacency):
        source, target, weight = edge_index.col, edge_index.target, edge_index.weight
    else:
        nodes = level.adjacency.num_nodes
        source, target, weight = read_edges(edge_index, edge_weight, nodes)
    if edge_attr.size(0) != source.numel():
        raise ValueError(
            f"edge_attr: expected one row for each of the {source.numel()} edges, "
            f"got shape {tuple(edge_attr.shape)}"
        )
    return EdgeFeatures(edge_attr, source, target, weight)


def _read_matrices(edge_attr: Tensor, level: DenseLevel) -> Tensor:
    check_floating("edge_attr", edge_attr, (3, 4))
    matrices = edge_attr.unsqueeze(0) if edge_attr.dim() == 3 else edge_attr
    graphs, nodes = level.graphs.batch_size, level.graphs.width
    if matrices.size(0) not in (1, graphs) or tuple(matrices.shape[1:3]) != (nodes, nodes):
        raise ValueError(
            f"edge_attr: expected shape {[graphs, nodes, nodes, 'C']} on this dense level, "
            f"got {tuple(edge_attr.shape)}"
        )
    matrices = matrices.expand(graphs, -1, -1, -1)
    mask = level.mask
    if mask is None:
        return matrices
    return matrices.masked_fill(~(mask.unsqueeze(1) & mask.unsqueeze(2)).unsqueeze(-1), 0.0)


def pool_edge_features(
    features: Tensor | EdgeFeatures, s: Tensor, level: Level, adj: Tensor, reduce: str
) -> Tensor:
    """Pool the features of :func:`read_edge_features`.

    Args:
        features: The features.
        s: Assignment (N, K) or (B, N, K).
        level: The level.
        adj: Pooled adjacency (B, K, K).
        reduce: ``mean`` or ``sum``, see :func:`coarsen_edges`.

    Returns:
        Pooled features (B, K, K, C).
    """
    if isinstance(features, EdgeFeatures):
        assert isinstance(level, SparseLevel)
        values, weight = features.values, features.weight
        if reduce == "mean" and weight is not None:
            values = values * weight.unsqueeze(1)
        edges = _ordered(features.source, features.target, level.adjacency.num_nodes)
        total = _sum_over_edges(values, s, *edges, level.graphs)
    else:
        assert isinstance(level, DenseLevel)
        values = features
        if reduce == "mean":
            values = values * mask_adjacency(level.adj, level.mask).unsqueeze(-1)
        total = _sum_over_matrices(values, level.graphs.mask_rows(s))
    if reduce == "sum":
        return total
    return total * inverse_or_zero(adj).unsqueeze(-1)


def _ordered(source: Tensor, target: Tensor, num_nodes: int) -> tuple[Adjacency, Tensor]:
    """Sort edges without summing duplicates; also return the permutation."""
    if traced():
        rowptr, order, transposed, _ = order_edges(source, target, None, num_nodes, False, False)
    else:
        order = pair_order(target, source, num_nodes)
        rowptr = index2ptr(target[order], num_nodes)
        transposed = stable_order(source[order], num_nodes)
    adjacency = Adjacency(rowptr, source[order], target[order], transposed=transposed)
    return adjacency, order


def _sum_over_edges(
    values: Tensor, s: Tensor, edges: Adjacency, order: Tensor, graphs: Segments
) -> Tensor:
    r"""Return :math:`\mathbf{S}^{\top} \mathbf{E}_c \mathbf{S}` of each channel, (B, K, K, C).

    Channels are processed in chunks that are recomputed in the backward pass, so that the rows kept
    for it take no more memory than the features of the edges, or :data:`CHUNK_ENTRIES`.
    """
    dtype = accumulation_dtype(values.dtype, s.dtype)
    num_edges, channels = values.shape
    clusters = s.size(1)
    with without_autocast(s):
        weights, s = values.to(dtype)[order].t().contiguous(), s.to(dtype)
        if traced() or transformed():
            # Neither reads sizes, nor supports checkpoints.
            return _visit(weights, s, edges, graphs)
        rows = max(s.size(0) * clusters, 1)
        size = max(1, max(num_edges * channels, CHUNK_ENTRIES) // rows)
        if size >= channels:
            return _visit(weights, s, edges, graphs)
        visit = partial(checkpoint, _visit, use_reentrant=False, preserve_rng_state=False)
        parts = [visit(part, s, edges, graphs) for part in torch.split(weights, size)]
        return torch.cat(parts, -1)


def _visit(weights: Tensor, s: Tensor, edges: Adjacency, graphs: Segments) -> Tensor:
    """Sum some channels (C, E), in the order of the edges, over the pairs of clusters."""
    clusters, channels = s.size(1), weights.size(0)
    if channels == 0:
        return s.new_zeros(graphs.batch_size, clusters, clusters, 0)
    products = [sparse_product(edges._replace(weight=weight), s) for weight in weights.unbind()]
    level = level_without_edges(s, graphs)
    pooled = level.contract(torch.cat(products, 1), s)[0].x
    # Rows are the clusters of targets, columns those of sources, one channel after another.
    return pooled.view(-1, clusters, channels, clusters).permute(0, 3, 1, 2)


def _sum_over_matrices(values: Tensor, s: Tensor) -> Tensor:
    """Return the sums of features (B, N, N, C) over the pairs of clusters, (B, K, K, C)."""
    graphs, nodes, _, channels = values.shape
    with without_autocast(s):
        dtype = accumulation_dtype(values.dtype, s.dtype)
        values, s = accumulated(values).to(dtype), s.to(dtype)
        rows = s.transpose(1, 2) @ values.reshape(graphs, nodes, nodes * channels)
        rows = rows.view(graphs, s.size(2), nodes, channels)
        return (rows.transpose(2, 3) @ s.unsqueeze(1)).transpose(2, 3)
