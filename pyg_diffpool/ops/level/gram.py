"""Contractions of assignments without edges."""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.level.sparse import SparseLevel
from pyg_diffpool.ops.padded_graphs import PaddedGraphs
from pyg_diffpool.ops.precision import accumulated, without_autocast
from pyg_diffpool.ops.segments import Segments


def gram_matrices(s: Tensor, graphs: Segments | PaddedGraphs) -> Tensor:
    r"""Return :math:`\mathbf{S}^{\top} \mathbf{S}` of each graph, (B, K, K).

    Args:
        s: Assignment (N, K) or (B, N, K).
        graphs: The graphs that the rows belong to.
    """
    if isinstance(graphs, PaddedGraphs):
        rows = accumulated(graphs.mask_rows(s))
        with without_autocast(s):
            return rows.transpose(1, 2) @ rows
    return level_without_edges(s, graphs).contract(s[:, :0], s)[0].gram


def level_without_edges(s: Tensor, graphs: Segments) -> SparseLevel:
    """Return the level of graphs whose edges do not matter, where a sparse product costs nothing.

    Args:
        s: Assignment (N, K).
        graphs: The graphs that the rows belong to.
    """
    nothing = torch.empty(0, dtype=torch.long, device=s.device)
    rowptr = torch.zeros(s.size(0) + 1, dtype=torch.long, device=s.device)
    adjacency = Adjacency(rowptr, nothing, nothing, undirected=True, coalesced=True)
    return SparseLevel(adjacency, graphs)
