"""Stateless functions from tensors to tensors.

``coarsen``, ``diff_pool``, ``link_prediction`` and ``assignment_entropy`` are the public functions.
They read their arguments into a level (``level/``), whose contractions (``contract/``) use one of
several backends (``backends/``); ``objectives/`` and ``conventions/`` compute losses from the
results. They build on ``adjacency`` and ``segments``, the two parts of a sparse level,
``sparse_product``, and ``operator``, which registers kernels with PyTorch.
"""

from pyg_diffpool.ops.adjacency import Adjacency, prepare_adjacency
from pyg_diffpool.ops.assignment_entropy import assignment_entropy
from pyg_diffpool.ops.coarsen import coarsen
from pyg_diffpool.ops.contract.coarsening import Coarsening
from pyg_diffpool.ops.diff_pool import dense_diff_pool, diff_pool
from pyg_diffpool.ops.link_prediction import link_prediction_loss
from pyg_diffpool.ops.soft_assignment import soft_assignment
from pyg_diffpool.ops.sparse_product import sparse_product

__all__ = [
    "Adjacency",
    "Coarsening",
    "assignment_entropy",
    "coarsen",
    "dense_diff_pool",
    "diff_pool",
    "link_prediction_loss",
    "prepare_adjacency",
    "soft_assignment",
    "sparse_product",
]
