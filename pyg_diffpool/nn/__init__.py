"""Modules with one set of parameters for sparse and dense levels."""

from pyg_diffpool.nn.assignment import Assignment
from pyg_diffpool.nn.batch_norm import BatchNorm
from pyg_diffpool.nn.diff_pool import DiffPool
from pyg_diffpool.nn.dmon_pooling import DMoNPooling
from pyg_diffpool.nn.gnn_block import GNNBlock
from pyg_diffpool.nn.pooled_graph import PooledGraph
from pyg_diffpool.nn.readout import readout
from pyg_diffpool.nn.sage_conv import SAGEConv
from pyg_diffpool.nn.sparse_pooled_graph import SparsePooledGraph
from pyg_diffpool.nn.temperature import AnnealedTemperature

__all__ = [
    "AnnealedTemperature",
    "Assignment",
    "BatchNorm",
    "DMoNPooling",
    "DiffPool",
    "GNNBlock",
    "PooledGraph",
    "SAGEConv",
    "SparsePooledGraph",
    "readout",
]
