"""Levels: validated batches of graphs, sparse or dense, on which all pooling functions operate."""

from __future__ import annotations

from typing import TypeAlias

from pyg_diffpool.ops.level.dense import DenseLevel, mask_adjacency
from pyg_diffpool.ops.level.gram import gram_matrices, level_without_edges
from pyg_diffpool.ops.level.read import (
    Edges,
    checked_matrices,
    is_dense_level,
    read_dense,
    read_dense_level,
    read_graphs,
    read_level,
    read_mask,
    read_sparse_level,
    refuse_mask,
)
from pyg_diffpool.ops.level.sparse import LEVEL_STRUCTURE, SparseLevel

__all__ = [
    "LEVEL_STRUCTURE",
    "DenseLevel",
    "Edges",
    "Level",
    "SparseLevel",
    "checked_matrices",
    "gram_matrices",
    "is_dense_level",
    "level_without_edges",
    "mask_adjacency",
    "read_dense",
    "read_dense_level",
    "read_graphs",
    "read_level",
    "read_mask",
    "read_sparse_level",
    "refuse_mask",
]

Level: TypeAlias = SparseLevel | DenseLevel
