"""Stateless functions from tensors to tensors.

``coarsen``, ``coarsen_edges``, ``diff_pool``, ``mincut_pool``, ``dmon_pool``, ``link_prediction``,
``assignment_entropy`` and the losses in ``objectives/`` are the public functions.
They read their arguments into a level (``level/``), whose contractions (``contract/``) use one of
several backends (``backends/``); ``objectives/`` and ``conventions/`` compute losses from the
results. They build on ``adjacency`` and ``segments``, the two parts of a sparse level,
``sparse_product``, and ``operator``, which registers kernels with PyTorch.
"""

from pyg_diffpool.ops.adjacency import Adjacency, prepare_adjacency
from pyg_diffpool.ops.assignment_entropy import assignment_entropy
from pyg_diffpool.ops.coarsen import coarsen
from pyg_diffpool.ops.coarsen_edges import coarsen_edges
from pyg_diffpool.ops.contract.coarsening import Coarsening
from pyg_diffpool.ops.diff_pool import dense_diff_pool, diff_pool
from pyg_diffpool.ops.dmon_pool import dmon_pool
from pyg_diffpool.ops.link_prediction import link_prediction_loss
from pyg_diffpool.ops.mincut_pool import mincut_pool
from pyg_diffpool.ops.objectives import (
    Pooling,
    balance_loss,
    collapse_loss,
    cut_loss,
    modularity_loss,
    orthogonality_loss,
)
from pyg_diffpool.ops.soft_assignment import soft_assignment
from pyg_diffpool.ops.sparse_product import sparse_product

__all__ = [
    "Adjacency",
    "Coarsening",
    "Pooling",
    "assignment_entropy",
    "balance_loss",
    "coarsen",
    "coarsen_edges",
    "collapse_loss",
    "cut_loss",
    "dense_diff_pool",
    "diff_pool",
    "dmon_pool",
    "link_prediction_loss",
    "mincut_pool",
    "modularity_loss",
    "orthogonality_loss",
    "prepare_adjacency",
    "soft_assignment",
    "sparse_product",
]
