"""Stateless kernels: tensors in, tensors out."""

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
