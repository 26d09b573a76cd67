"""From the arguments of a public function to a checked level: sparse, or dense."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

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
    check_clusters,
    check_finite,
    check_flag,
    check_floating,
    check_tensor,
    kind,
    read_size,
    values_checked,
    values_seen,
)


class DenseLevel(NamedTuple):
    """A checked dense level; a batch of one stands for all graphs, as in any product of tensors.

    Attributes:
        rows: What has a row for each node, each (B, N, ·) or (1, N, ·), in the order given.
        adj: Adjacency matrices (B, N, N) or (1, N, N).
        mask: Which rows are nodes, (B, N) or (1, N), or None for all; boolean.
    """

    rows: tuple[Tensor, ...]
    adj: Tensor
    mask: Tensor | None

    def expanded(self) -> DenseLevel:
        """Return the same with a batch of :math:`B` everywhere; nothing is copied."""
        parts = (*self.rows, self.adj, *(() if self.mask is None else (self.mask,)))
        size = _batch_size(parts)
        rows = tuple(_expand(part, size) for part in self.rows)
        mask = None if self.mask is None else _expand(self.mask, size)
        return DenseLevel(rows, _expand(self.adj, size), mask)


def is_dense_level(*arguments: object) -> bool:
    """Whether features, assignments or adjacencies are those of a dense level, (B, N, ·)."""
    return any(isinstance(value, Tensor) and value.dim() == 3 for value in arguments)


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
    check_flag("validate", validate, optional=True)
    check_floating(name, rows, 2)
    refuse_mask(mask)
    nodes = rows.size(0)
    if isinstance(edge_index, Tensor) and edge_index.is_floating_point():
        _refuse_dense(name, edge_index, nodes)
    adjacency = prepare_adjacency(edge_index, edge_weight, nodes, validate=validate)
    graphs = segments(nodes, batch, batch_size, max_num_nodes, rows.device, validate, adjacency)
    if probabilities and values_checked(rows, validate):
        check_probabilities(_given_weights(edge_index, edge_weight))
    return adjacency, graphs


def refuse_mask(mask: object) -> None:
    """Raise a :class:`ValueError` if a sparse level came with a mask."""
    if mask is not None:
        raise ValueError(
            f"mask: expected None on a sparse level, where every row is a node, got {kind(mask)}"
        )


def _refuse_dense(name: str, adj: Tensor, nodes: int) -> None:
    if adj.layout == torch.strided and adj.shape == (nodes, nodes):
        raise TypeError(
            f"edge_index: expected edges [2, E] of an integer dtype beside {name} [N, ·], got a "
            f"dense adjacency matrix of shape {(nodes, nodes)}: it goes with {name} [B, N, ·], "
            "with B = 1 for a single graph"
        )


def dense_level(
    rows: dict[str, Tensor],
    adj: object,
    edge_weight: Tensor | None = None,
    batch: Tensor | Segments | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None,
    max_num_nodes: int | None = None,
    validate: bool | None,
    probabilities: bool = False,
) -> DenseLevel:
    """Check a dense level, whose parts may share what they have in common for all graphs.

    Args:
        rows: What has a row for each node, by name: (B, N, ·), (1, N, ·) or (N, ·).
        adj: Adjacency matrices (B, N, N), (1, N, N) or (N, N).
        edge_weight: Refused, as are the edges of :obj:`adj` by other means than a matrix.
        batch: Refused.
        batch_size: None, or :math:`B`.
        mask: Which rows are nodes, (B, N), (1, N) or (N).
        max_num_nodes: None, or :math:`N`.
        validate: Whether to check values.
        probabilities: Whether weights must lie within 0 and 1.
    """
    check_flag("validate", validate, optional=True)
    for name, value in rows.items():
        check_floating(name, value, (2, 3))
        if name == "s":
            check_clusters(value)
    first = next(iter(rows))
    matrices = checked_matrices("edge_index", adj, first, rows[first])
    _refuse("edge_weight", edge_weight)
    _refuse("batch", batch)
    parts, truth = read_dense({**rows, "edge_index": matrices}, read_mask(mask, validate))
    level = DenseLevel(parts[:-1], parts[-1], truth)
    _check_sizes(_batch_size(parts), parts[0].size(1), batch_size, max_num_nodes)
    if values_seen(matrices, validate):
        weights = mask_adjacency(level.adj, level.mask)
        check_finite("edge_index", weights)
        if probabilities:
            check_probabilities(weights, "edge_index")
    return level


def checked_matrices(name: str, adj: object, first: str, rows: Tensor) -> Tensor:
    """Return the matrices of a dense level; errors name the argument that the caller gave."""
    shape = tuple(rows.shape)
    wanted = f"adjacency matrices [B, N, N] or [N, N] beside {first} of shape {shape}"
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
            f"{name}: expected shape [B, {nodes}, {nodes}] or [{nodes}, {nodes}] beside {first} "
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
    """Give what belongs to a dense level, by name, three dimensions, having compared sizes."""
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


def dense_rows(
    s: Tensor,
    batch: Tensor | Segments | None,
    batch_size: int | None,
    mask: Tensor | None,
    max_num_nodes: int | None,
    validate: bool | None,
) -> Tensor | None:
    """Check the arguments of a dense level without edges, and return the mask (B, N)."""
    check_flag("validate", validate, optional=True)
    _refuse("batch", batch)
    (s,), mask = read_dense({"s": s}, read_mask(mask, validate))
    _check_sizes(s.size(0), s.size(1), batch_size, max_num_nodes)
    return None if mask is None else _expand(mask, s.size(0))


def _refuse(name: str, value: object) -> None:
    if value is not None:
        raise ValueError(f"{name}: expected None on a dense level, got {kind(value)}")


def read_mask(mask: Tensor | None, validate: bool | None) -> Tensor | None:
    """Return a mask as truth values; other dtypes must hold 0 and 1, and must be looked at."""
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
    """Check sizes that only a sparse level needs to be told, by what has all graphs."""
    for name, given, true in (
        ("batch_size", batch_size, graphs),
        ("max_num_nodes", max_num_nodes, nodes),
    ):
        if given is not None and read_size(name, given) != true:
            raise ValueError(f"{name}: expected None or {true} on this dense level, got {given}")


def _batched(value: Tensor) -> Tensor:
    return value.unsqueeze(0) if value.dim() == 2 else value


def _batch_size(parts: Iterable[Tensor]) -> int:
    """Return the batch size of tensors of which some have but one graph for all."""
    sizes = [part.size(0) for part in parts]
    # Equal sizes first: a compiler that knows them by name would guard what is compared with 1.
    if all(size == sizes[0] for size in sizes):
        return sizes[0]
    return next(size for size in sizes if size != 1)


def _expand(value: Tensor, size: int) -> Tensor:
    return value if value.size(0) == size else value.expand(size, *value.shape[1:])


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
