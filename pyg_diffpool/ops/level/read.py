"""Conversion of the arguments of a public function to a level, with all checks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency, prepare_adjacency
from pyg_diffpool.ops.edge_formats import SPARSE_LAYOUTS
from pyg_diffpool.ops.level.dense import DenseLevel, mask_adjacency
from pyg_diffpool.ops.level.sparse import SparseLevel
from pyg_diffpool.ops.operator import traced
from pyg_diffpool.ops.padded_graphs import PaddedGraphs
from pyg_diffpool.ops.segments import Segments, segments
from pyg_diffpool.ops.validation import (
    check_assignment,
    check_clusters,
    check_finite,
    check_flag,
    check_floating,
    check_probabilities,
    check_tensor,
    checked_probabilities,
    kind,
    read_size,
    values_checked,
    values_seen,
)

Edges: TypeAlias = Tensor | EdgeIndex | SparseTensor | Adjacency


def is_dense_level(*arguments: object) -> bool:
    """Return whether features, assignments or adjacencies belong to a dense level, (B, N, ·)."""
    return any(isinstance(value, Tensor) and value.dim() == 3 for value in arguments)


def read_level(
    rows: dict[str, Tensor],
    edge_index: Edges,
    edge_weight: Tensor | None = None,
    batch: Tensor | Segments | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None = None,
    max_num_nodes: int | None = None,
    validate: bool | None = None,
    probabilities: bool = False,
    expand: bool = True,
) -> tuple[SparseLevel | DenseLevel, tuple[Tensor, ...]]:
    """Validate the arguments of a sparse or dense level, and return the level.

    Args:
        rows: Tensors with one row per node, by argument name (for errors): (N, ·); or (B, N, ·),
            (1, N, ·) or (N, ·) on a dense level.
        edge_index: This and the following arguments are as in :func:`~pyg_diffpool.coarsen`.
        edge_weight: Edge weights of a sparse level.
        batch: Graph of each node of a sparse level.
        batch_size: Number of graphs.
        mask: Mask of the rows of a dense level that are nodes.
        max_num_nodes: Number of nodes of the largest graph.
        validate: Whether to check values.
        probabilities: Whether weights must be between 0 and 1.
        expand: Whether tensors that all graphs of a dense level share are expanded to the batch
            size, without a copy.

    Returns:
        The level, and the tensors of :obj:`rows` in order, (N, ·) or (B, N, ·).
    """
    if is_dense_level(edge_index, *rows.values()):
        return read_dense_level(
            rows,
            edge_index,
            edge_weight,
            batch,
            batch_size,
            mask=mask,
            max_num_nodes=max_num_nodes,
            validate=validate,
            probabilities=probabilities,
            expand=expand,
        )
    level = read_sparse_level(
        rows,
        edge_index,
        edge_weight,
        batch,
        batch_size,
        mask=mask,
        max_num_nodes=max_num_nodes,
        validate=validate,
        probabilities=probabilities,
    )
    return level, tuple(rows.values())


def read_sparse_level(
    rows: dict[str, Tensor],
    edge_index: Edges,
    edge_weight: Tensor | None = None,
    batch: Tensor | Segments | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None = None,
    max_num_nodes: int | None = None,
    validate: bool | None = None,
    probabilities: bool = False,
) -> SparseLevel:
    """Return a sparse level; see :func:`read_level` for the arguments."""
    check_flag("validate", validate, optional=True)
    name, first = next(iter(rows.items()))
    check_floating(name, first, 2)
    refuse_mask(mask)
    nodes = first.size(0)
    if isinstance(edge_index, Tensor) and edge_index.is_floating_point():
        _refuse_matrix(name, edge_index, nodes)
    adjacency = prepare_adjacency(edge_index, edge_weight, nodes, validate=validate)
    graphs = segments(nodes, batch, batch_size, max_num_nodes, first.device, validate, adjacency)
    if probabilities and values_checked(first, validate):
        adjacency = _with_probabilities(adjacency, edge_index, edge_weight)
    if "s" in rows:
        check_assignment(rows["s"], (nodes,))
    return SparseLevel(adjacency, graphs)


def read_graphs(
    s: Tensor,
    batch: Tensor | Segments | None,
    batch_size: int | None,
    mask: Tensor | None,
    max_num_nodes: int | None,
    validate: bool | None,
) -> Segments | PaddedGraphs:
    """Return the graphs that the rows of an assignment belong to, without edges."""
    check_flag("validate", validate, optional=True)
    if not is_dense_level(s):
        check_floating("s", s, 2)
        check_assignment(s, (s.size(0),))
        refuse_mask(mask)
        return segments(s.size(0), batch, batch_size, max_num_nodes, s.device, validate)
    check_assignment(s, tuple(s.shape[:2]))
    _refuse("batch", batch)
    (s,), mask = read_dense({"s": s}, read_mask(mask, validate))
    graphs, nodes = s.size(0), s.size(1)
    _check_sizes(graphs, nodes, batch_size, max_num_nodes)
    return PaddedGraphs(None if mask is None else _expand(mask, graphs), graphs, nodes, s.device)


def refuse_mask(mask: object) -> None:
    """Raise a :class:`ValueError` if a mask is given for a sparse level."""
    if mask is not None:
        raise ValueError(
            f"mask: expected None on a sparse level, where every row is a node, got {kind(mask)}"
        )


def _refuse_matrix(name: str, adj: Tensor, nodes: int) -> None:
    if adj.layout == torch.strided and adj.shape == (nodes, nodes):
        raise TypeError(
            f"edge_index: expected edges [2, E] of an integer dtype with {name} [N, ·], got a "
            f"dense adjacency matrix of shape {(nodes, nodes)}: it goes with {name} [B, N, ·], "
            "with B = 1 for a single graph"
        )


def read_dense_level(
    rows: dict[str, Tensor],
    adj: object,
    edge_weight: Tensor | None = None,
    batch: Tensor | Segments | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None = None,
    max_num_nodes: int | None = None,
    validate: bool | None = None,
    probabilities: bool = False,
    expand: bool = True,
) -> tuple[DenseLevel, tuple[Tensor, ...]]:
    """Return a dense level; see :func:`read_level` for arguments and results."""
    check_flag("validate", validate, optional=True)
    for name, value in rows.items():
        check_floating(name, value, (2, 3))
        if name == "s":
            check_clusters(value)
    first = next(iter(rows))
    matrices = checked_matrices("edge_index", adj, first, rows[first])
    _refuse("edge_weight", edge_weight)
    _refuse("batch", batch)
    (*parts, shaped), truth = read_dense(
        {**rows, "edge_index": matrices}, read_mask(mask, validate)
    )
    graphs, nodes = _batch_size((*parts, shaped)), shaped.size(1)
    _check_sizes(graphs, nodes, batch_size, max_num_nodes)
    if values_seen(matrices, validate):
        weights = mask_adjacency(shaped, truth)
        check_finite("edge_index", weights)
        if probabilities:
            check_probabilities("edge_index", weights)
    if expand:
        parts = [_expand(part, graphs) for part in parts]
        shaped = _expand(shaped, graphs)
        truth = None if truth is None else _expand(truth, graphs)
    level = DenseLevel(shaped, PaddedGraphs(truth, graphs, nodes, shaped.device))
    return level, tuple(parts)


def checked_matrices(name: str, adj: object, first: str, rows: Tensor) -> Tensor:
    """Validate the adjacency matrices of a dense level; errors use the caller's argument name."""
    shape = tuple(rows.shape)
    wanted = f"adjacency matrices [B, N, N] or [N, N] with {first} of shape {shape}"
    if not isinstance(adj, Tensor) or isinstance(adj, EdgeIndex) or adj.layout in SPARSE_LAYOUTS:
        raise TypeError(f"{name}: expected {wanted}, got {_format(adj)}")
    if not adj.is_floating_point():
        raise TypeError(
            f"{name}: expected {wanted}, of a floating point dtype, got {kind(adj)} "
            "(torch_geometric.utils.to_dense_adj turns edges [2, E] into matrices)"
        )
    check_floating(name, adj, (2, 3))
    nodes = rows.size(-2)
    if adj.size(-1) != nodes or adj.size(-2) != nodes:
        raise ValueError(
            f"{name}: expected shape [B, {nodes}, {nodes}] or [{nodes}, {nodes}] with {first} "
            f"of shape {shape}, got {tuple(adj.shape)}"
        )
    return adj


def _format(adj: object) -> str:
    if isinstance(adj, Tensor) and adj.layout in SPARSE_LAYOUTS:
        return f"a sparse matrix of layout {adj.layout}"
    return kind(adj) if not isinstance(adj, EdgeIndex) else f"an EdgeIndex of {adj.size(1)} edges"


def read_dense(
    parts: dict[str, Tensor], mask: Tensor | None
) -> tuple[tuple[Tensor, ...], Tensor | None]:
    """Add missing batch dimensions to the tensors of a dense level, and compare their sizes."""
    shaped = {name: _batched(value) for name, value in parts.items()}
    first, leading = next(iter(shaped.items()))
    graphs, nodes = _batch_size(shaped.values()), leading.size(1)
    for name, value in shaped.items():
        if value.size(1) != nodes:
            raise ValueError(
                f"{name}: expected a row for each of the {nodes} nodes of {first}, "
                f"got shape {tuple(parts[name].shape)}"
            )
        if value.size(0) != graphs and value.size(0) != 1:
            raise ValueError(
                f"{name}: expected a batch of {graphs} graphs, or of 1, "
                f"got shape {tuple(parts[name].shape)}"
            )
    if mask is not None:
        if mask.shape not in ((graphs, nodes), (1, nodes), (nodes,)):
            raise ValueError(
                f"mask: expected shape {[graphs, nodes]} or {[nodes]}, got {tuple(mask.shape)}"
            )
        mask = mask.unsqueeze(0) if mask.dim() == 1 else mask
    return tuple(shaped.values()), mask


def _refuse(name: str, value: object) -> None:
    if value is not None:
        raise ValueError(f"{name}: expected None on a dense level, got {kind(value)}")


def read_mask(mask: Tensor | None, validate: bool | None) -> Tensor | None:
    """Return a mask as booleans; other dtypes must hold 0 and 1, and require a check of values."""
    if mask is None:
        return None
    check_tensor("mask", mask, "a boolean tensor")
    if mask.dtype == torch.bool:
        return mask
    if mask.is_complex() or not values_seen(mask, None if validate is False else validate):
        raise TypeError(
            f"mask: expected a boolean tensor, got {mask.dtype} (mask.bool() makes one of 0 and 1)"
        )
    truth = mask != 0
    if not bool(((mask == 1) | ~truth).all()):
        bad = mask[(mask != 1) & truth][0].item()
        raise ValueError(f"mask: expected True and False, or 1 and 0, for each row, got {bad}")
    return truth


def _check_sizes(
    graphs: int, nodes: int, batch_size: int | None, max_num_nodes: int | None
) -> None:
    """Check sizes that a dense level does not need against those of its tensors."""
    for name, given, true in (
        ("batch_size", batch_size, graphs),
        ("max_num_nodes", max_num_nodes, nodes),
    ):
        if given is not None and read_size(name, given) != true:
            raise ValueError(f"{name}: expected None or {true} on this dense level, got {given}")


def _batched(value: Tensor) -> Tensor:
    return value.unsqueeze(0) if value.dim() == 2 else value


def _batch_size(parts: Iterable[Tensor]) -> int:
    """Return the batch size of tensors, some of which may have a batch size of one."""
    sizes = [part.size(0) for part in parts]
    # Equal sizes first: with symbolic sizes, a comparison with 1 would add a guard.
    if all(size == sizes[0] for size in sizes):
        return sizes[0]
    return next(size for size in sizes if size != 1)


def _expand(value: Tensor, size: int) -> Tensor:
    return value if value.size(0) == size else value.expand(size, *value.shape[1:])


def _with_probabilities(
    adjacency: Adjacency, edge_index: Edges, edge_weight: Tensor | None
) -> Adjacency:
    """Check that the weights that an adjacency was made of are probabilities, and return it."""
    if not traced():
        check_probabilities("edge_weight", _given_weights(edge_index, edge_weight))
        return adjacency
    if adjacency.weight is None:
        return adjacency
    summed = isinstance(edge_index, Adjacency)
    return adjacency._replace(weight=checked_probabilities(adjacency.weight, summed))


def _given_weights(
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency, edge_weight: Tensor | None
) -> Tensor | None:
    """Return the weights before duplicates are summed, as far as they are known."""
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
