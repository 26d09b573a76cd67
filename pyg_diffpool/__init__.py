"""Differentiable graph pooling (DiffPool) for PyTorch Geometric, exact and linear in memory."""

from pyg_diffpool.loader import ResidentLoader
from pyg_diffpool.models import DiffPoolNet, DiffPoolOutput, DiffPoolUNet
from pyg_diffpool.nn import (
    AnnealedTemperature,
    DiffPool,
    DMoNPooling,
    GNNBlock,
    PooledGraph,
    SAGEConv,
    SparsePooledGraph,
)
from pyg_diffpool.ops import (
    Adjacency,
    Coarsening,
    assignment_entropy,
    balance_loss,
    coarsen,
    coarsen_edges,
    collapse_loss,
    cut_loss,
    dense_diff_pool,
    diff_pool,
    link_prediction_loss,
    mincut_pool,
    modularity_loss,
    orthogonality_loss,
    prepare_adjacency,
)

__version__ = "0.2.0"

__all__ = [
    "Adjacency",
    "AnnealedTemperature",
    "Coarsening",
    "DMoNPooling",
    "DiffPool",
    "DiffPoolNet",
    "DiffPoolOutput",
    "DiffPoolUNet",
    "GNNBlock",
    "PooledGraph",
    "ResidentLoader",
    "SAGEConv",
    "SparsePooledGraph",
    "assignment_entropy",
    "balance_loss",
    "coarsen",
    "coarsen_edges",
    "collapse_loss",
    "cut_loss",
    "dense_diff_pool",
    "diff_pool",
    "link_prediction_loss",
    "mincut_pool",
    "modularity_loss",
    "orthogonality_loss",
    "prepare_adjacency",
]
