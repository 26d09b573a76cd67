"""Conversion of PyG's sparse adjacency formats to sources, targets and weights."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.validation import FLOATING, check_tensor, kind

SPARSE_LAYOUTS = (torch.sparse_csr, torch.sparse_csc, torch.sparse_coo)

# Larger numbers of nodes are only inferred from indices if there are enough edges, since an invalid
# index would allocate too much memory.
NODES_ON_TRUST = 2**24
NODES_PER_EDGE = 64


def read_edges(
    edge_index: Tensor | EdgeIndex | SparseTensor,
    edge_weight: Tensor | None,
    num_nodes: int | None,
    num_sources: int | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return sources, targets and weights of any supported format.

    Args:
        edge_index: The edges.
        edge_weight: Their weights, unless a sparse matrix holds them.
        num_nodes: Number of nodes, if known; of targets, if sources are other nodes.
        num_sources: Number of sources, if they are other nodes than the targets.
    """
    if isinstance(edge_index, EdgeIndex):
        _check_sparse_size(edge_index.sparse_size(), num_nodes, num_sources)
        edge_index = edge_index.as_tensor()
    elif _is_sparse(edge_index):
        if edge_weight is not None:
            raise ValueError(
                "edge_weight: expected None with a sparse matrix, which holds its own weights, "
                f"got {kind(edge_weight)}"
            )
        return _sparse_edges(edge_index, num_nodes, num_sources)
    if not isinstance(edge_index, Tensor) or edge_index.layout != torch.strided:
        found = f"layout {edge_index.layout}" if isinstance(edge_index, Tensor) else None
        raise TypeError(
            "edge_index: expected a tensor of shape [2, E], an EdgeIndex, a sparse adj_t (COO, CSR "
            f"or CSC) or a prepared Adjacency, got {found or kind(edge_index)}"
        )
    if edge_index.dim() != 2 or edge_index.size(0) != 2:
        raise ValueError(f"edge_index: expected shape [2, E], got {tuple(edge_index.shape)}")
    if edge_index.is_floating_point() or edge_index.is_complex() or edge_index.dtype == torch.bool:
        raise TypeError(f"edge_index: expected an integer dtype, got {edge_index.dtype}")
    # Non-contiguous views are valid edges, but not valid components of a sparse matrix.
    source, target = edge_index.long().contiguous()
    return source, target, read_weights(edge_weight, source.numel())


def read_weights(edge_weight: Tensor | None, num_edges: int) -> Tensor | None:
    """Return one floating point weight per edge, (E), from a tensor (E) or (E, 1)."""
    if edge_weight is None:
        return None
    check_tensor("edge_weight", edge_weight)
    if edge_weight.shape not in ((num_edges,), (num_edges, 1)):
        raise ValueError(
            f"edge_weight: expected one weight for each of the {num_edges} edges, "
            f"got shape {tuple(edge_weight.shape)}"
        )
    if edge_weight.dtype not in FLOATING:
        raise TypeError(f"edge_weight: expected a floating point dtype, got {edge_weight.dtype}")
    return edge_weight.reshape(-1)


def _check_sparse_size(
    shape: tuple[int | None, int | None], num_nodes: int | None, num_sources: int | None
) -> None:
    """Check the known sizes of an EdgeIndex."""
    if num_sources is not None:
        for given, wanted in zip(shape, (num_sources, num_nodes), strict=True):
            if given not in (None, wanted):
                raise ValueError(
                    f"edge_index: expected sparse_size {(num_sources, num_nodes)}, got {shape}"
                )
        return
    known = {size for size in (*shape, num_nodes) if size is not None}
    if len(known) > 1:
        expected = "a square one" if num_nodes is None else f"{(num_nodes, num_nodes)}"
        raise ValueError(f"edge_index: expected sparse_size {expected}, got {shape}")


def _is_sparse(edge_index: object) -> bool:
    if isinstance(edge_index, Tensor):
        return edge_index.layout in SPARSE_LAYOUTS
    return isinstance(edge_index, SparseTensor)


def _sparse_edges(
    adj_t: Tensor | SparseTensor, num_nodes: int | None, num_sources: int | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    shape = tuple(adj_t.sizes() if isinstance(adj_t, SparseTensor) else adj_t.shape)
    rows = shape[0] if num_nodes is None else num_nodes
    expected = (rows, rows if num_sources is None else num_sources)
    if shape != expected:
        form = "a square adj_t" if num_sources is None else "an adj_t"
        raise ValueError(f"edge_index: expected {form} of shape {expected}, got {shape}")
    source, target, weight = _stored_edges(adj_t)
    if weight is not None and (weight.dim() != 1 or weight.dtype not in FLOATING):
        raise TypeError(
            "edge_index: expected a sparse matrix with one floating point weight per edge, "
            f"got weights of {weight.dtype} and shape {tuple(weight.shape)}"
        )
    return source, target, weight


def _stored_edges(adj_t: Tensor | SparseTensor) -> tuple[Tensor, Tensor, Tensor | None]:
    if isinstance(adj_t, SparseTensor):
        target, source, weight = adj_t.coo()
        return source.contiguous(), target.contiguous(), weight
    if adj_t.layout == torch.sparse_csr:
        degree = adj_t.crow_indices().diff()
        target = torch.arange(adj_t.size(0), device=adj_t.device).repeat_interleave(degree)
        return adj_t.col_indices().long(), target, _values(adj_t)
    if adj_t.layout == torch.sparse_csc:
        degree = adj_t.ccol_indices().diff()
        source = torch.arange(adj_t.size(1), device=adj_t.device).repeat_interleave(degree)
        return source, adj_t.row_indices().long(), _values(adj_t)
    adj_t = adj_t.coalesce()
    target, source = adj_t.indices()
    return source, target, _values(adj_t)


def _values(adj_t: Tensor) -> Tensor:
    """Return a copy of the weights, since compilers do not support views of sparse tensors."""
    return adj_t.values().clone()


def infer_num_nodes(edge_index: object, source: Tensor, target: Tensor) -> int:
    """Return the size of a matrix, or the largest index plus one."""
    if isinstance(edge_index, Tensor) and edge_index.layout in SPARSE_LAYOUTS:
        return edge_index.size(0)
    if isinstance(edge_index, SparseTensor):
        return int(edge_index.sizes()[0])
    if isinstance(edge_index, EdgeIndex):
        known = [size for size in edge_index.sparse_size() if size is not None]
        if known:
            return int(known[0])
    if source.numel() == 0:
        return 0
    num_nodes = int(torch.maximum(source.max(), target.max())) + 1
    if num_nodes > max(NODES_ON_TRUST, NODES_PER_EDGE * source.numel()):
        raise ValueError(
            f"edge_index: expected nodes numbered from 0 on, got {source.numel()} edges with node "
            f"{num_nodes - 1} (pass num_nodes={num_nodes} if there are that many)"
        )
    return num_nodes
