"""PyG's formats of sparse adjacencies, read into sources, targets and weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

SPARSE_LAYOUTS = (torch.sparse_csr, torch.sparse_csc, torch.sparse_coo)


def read_edges(
    edge_index: Tensor | EdgeIndex | SparseTensor,
    edge_weight: Tensor | None,
    num_nodes: int | None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return sources, targets and weights, whatever the format."""
    if isinstance(edge_index, EdgeIndex):
        edge_index = edge_index.as_tensor()
    elif _is_sparse(edge_index):
        if edge_weight is not None:
            raise ValueError(
                "edge_weight: expected None beside a sparse matrix, which holds its own weights, "
                f"got a tensor of shape {tuple(edge_weight.shape)}"
            )
        return _sparse_edges(edge_index, num_nodes)
    if not isinstance(edge_index, Tensor):
        raise TypeError(
            "edge_index: expected a tensor of shape [2, E], an EdgeIndex, a sparse adj_t or a "
            f"prepared Adjacency, got {type(edge_index).__name__}"
        )
    if edge_index.dim() != 2 or edge_index.size(0) != 2:
        raise ValueError(f"edge_index: expected shape [2, E], got {tuple(edge_index.shape)}")
    if edge_index.is_floating_point() or edge_index.dtype == torch.bool:
        raise TypeError(f"edge_index: expected an integer dtype, got {edge_index.dtype}")
    # Views of other strides are valid edges, but not valid parts of a sparse matrix.
    source, target = edge_index.long().contiguous()
    if edge_weight is None:
        return source, target, None
    if edge_weight.shape not in (source.shape, (*source.shape, 1)):
        raise ValueError(
            f"edge_weight: expected one weight for each of the {source.numel()} edges, "
            f"got shape {tuple(edge_weight.shape)}"
        )
    return source, target, edge_weight.view(-1)


def _is_sparse(edge_index: object) -> bool:
    if isinstance(edge_index, Tensor):
        return edge_index.layout in SPARSE_LAYOUTS
    return isinstance(edge_index, SparseTensor)


def _sparse_edges(
    adj_t: Tensor | SparseTensor, num_nodes: int | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    shape = tuple(adj_t.sizes() if isinstance(adj_t, SparseTensor) else adj_t.shape)
    expected = (num_nodes, num_nodes) if num_nodes is not None else (shape[0], shape[0])
    if shape != expected:
        raise ValueError(f"edge_index: expected a square adj_t of shape {expected}, got {shape}")
    if isinstance(adj_t, SparseTensor):
        target, source, weight = adj_t.coo()
        return source.contiguous(), target.contiguous(), weight
    if adj_t.layout == torch.sparse_csr:
        degree = adj_t.crow_indices().diff()
        target = torch.arange(shape[0], device=adj_t.device).repeat_interleave(degree)
        return adj_t.col_indices().long(), target, adj_t.values()
    if adj_t.layout == torch.sparse_csc:
        degree = adj_t.ccol_indices().diff()
        source = torch.arange(shape[0], device=adj_t.device).repeat_interleave(degree)
        return source, adj_t.row_indices().long(), adj_t.values()
    adj_t = adj_t.coalesce()
    target, source = adj_t.indices()
    return source, target, adj_t.values()


def infer_num_nodes(edge_index: object, source: Tensor, target: Tensor) -> int:
    """Return the size of a matrix, or one more than the largest index."""
    if isinstance(edge_index, Tensor) and edge_index.layout in SPARSE_LAYOUTS:
        return edge_index.size(0)
    if isinstance(edge_index, SparseTensor):
        return int(edge_index.sizes()[0])
    if source.numel() == 0:
        return 0
    return int(torch.maximum(source.max(), target.max())) + 1
