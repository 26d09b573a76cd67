"""Edges from source nodes to other target nodes."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor
from torch_geometric.utils import is_sparse

from pyg_diffpool.ops.adjacency import Adjacency, prepare_adjacency
from pyg_diffpool.ops.edge_formats import read_edges
from pyg_diffpool.ops.validation import (
    check_edges,
    check_floating,
    kind,
    read_size,
    values_seen,
)

Size: TypeAlias = tuple[int | None, int | None]


class NodePair(NamedTuple):
    """The nodes that send messages and those that receive them.

    Attributes:
        source: Features of the sources (N_s, F_s).
        target: Features of the targets (N_t, F_t), the same tensor if they are the same nodes, or
            None if they have none.
        num_targets: Number of targets.
    """

    source: Tensor
    target: Tensor | None
    num_targets: int

    @property
    def num_sources(self) -> int | None:
        """Number of sources, or None if there are as many targets, in one square matrix."""
        count = self.source.size(0)
        return None if count == self.num_targets else count


def read_node_pair(x: object, edge_index: object, size: object) -> NodePair:
    """Validate node features, or a pair of them, and sizes.

    Args:
        x: Features (N, F), or a pair for sources and targets, of which the second may be None.
        edge_index: The edges, whose number of targets is used if nothing else tells it.
        size: Numbers of sources and targets, each of which may be None, or None.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If sizes do not match.
    """
    wanted = _read_sizes(size)
    if isinstance(x, Tensor):
        check_floating("x", x, 2)
        pair = NodePair(x, x, x.size(0))
    else:
        if not isinstance(x, (tuple, list)) or len(x) != 2:
            raise TypeError(
                f"x: expected a tensor, or a pair for sources and targets, got {kind(x)}"
            )
        source, target = x
        check_floating("x[0]", source, 2)
        if target is not None:
            check_floating("x[1]", target, 2)
            pair = NodePair(source, target, target.size(0))
        else:
            known = (wanted[1], _num_targets(edge_index), source.size(0))
            pair = NodePair(source, None, next(count for count in known if count is not None))
    found = (pair.source.size(0), pair.num_targets)
    if any(given not in (None, count) for given, count in zip(wanted, found, strict=True)):
        raise ValueError(
            f"size: expected {found}, the numbers of sources and targets of x, got {wanted}"
        )
    return pair


def prepare_bipartite(
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
    edge_weight: Tensor | None,
    num_sources: int,
    num_targets: int,
) -> Adjacency:
    """Return edges between two sets of nodes as one square matrix, as large as the larger set.

    Args:
        edge_index: Edges in any format; a matrix is that of targets by sources.
        edge_weight: Weights of edges given as indices.
        num_sources: Number of sources.
        num_targets: Number of targets.

    Raises:
        ValueError: If sizes do not match, or an index is out of range.
    """
    num_nodes = max(num_sources, num_targets)
    if isinstance(edge_index, Adjacency):
        adjacency = prepare_adjacency(edge_index, edge_weight, num_nodes)
        source, target, weight = adjacency.col, adjacency.target, adjacency.weight
    else:
        source, target, weight = read_edges(edge_index, edge_weight, num_targets, num_sources)
    check_edges(source, target, weight, num_targets, values_seen(source, None), num_sources)
    if isinstance(edge_index, Adjacency):
        return adjacency
    return prepare_adjacency(torch.stack([source, target]), weight, num_nodes)


def padded_sources(rows: Tensor, num_nodes: int) -> Tensor:
    """Append zero rows for the nodes of a square matrix that are no sources."""
    missing = num_nodes - rows.size(0)
    return rows if missing <= 0 else F.pad(rows, (0, 0, 0, missing))


def reversed_edges(
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
) -> Tensor | Adjacency:
    """Return edges with sources and targets exchanged.

    Raises:
        ValueError: If the edges are a sparse matrix, which PyG does not reverse either.
    """
    if isinstance(edge_index, Adjacency):
        return edge_index.transpose()
    if is_sparse(edge_index):
        raise ValueError(
            "edge_index: expected edges [2, E] with flow='target_to_source', got a sparse matrix, "
            "whose transpose with flow='source_to_target' is the same"
        )
    edges: Tensor = edge_index.as_tensor() if isinstance(edge_index, EdgeIndex) else edge_index
    return edges.flip(0) if isinstance(edges, Tensor) and edges.dim() == 2 else edges


def _read_sizes(size: object) -> Size:
    if size is None:
        return None, None
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise TypeError(
            f"size: expected a pair, the numbers of sources and targets, got {kind(size)}"
        )
    sources, targets = (None if count is None else read_size("size", count) for count in size)
    return sources, targets


def _num_targets(edge_index: object) -> int | None:
    """Return the number of targets that a matrix or an EdgeIndex tells."""
    if isinstance(edge_index, Adjacency):
        return edge_index.num_nodes
    if isinstance(edge_index, EdgeIndex):
        count: int | None = edge_index.sparse_size()[1]
        return count
    if is_sparse(edge_index):
        return int(edge_index.size(0))  # type: ignore[attr-defined]
    return None
