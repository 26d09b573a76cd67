"""A dense level: padded graphs, each with its adjacency matrix."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops.contract.coarsening import Coarsening, Distances
from pyg_diffpool.ops.padded_graphs import PaddedGraphs
from pyg_diffpool.ops.precision import accumulated, accumulation_dtype, exact, without_autocast


def mask_adjacency(adj: Tensor, mask: Tensor | None) -> Tensor:
    """Set the rows and columns of (B, N, N) that are not nodes to zero, even if they are NaN."""
    if mask is None:
        return adj
    return adj.masked_fill(~(mask.unsqueeze(1) & mask.unsqueeze(2)), 0.0)


class DenseLevel(NamedTuple):
    """A validated batch of padded graphs, see :func:`~pyg_diffpool.ops.level.read_level`.

    It has the same methods as :class:`~pyg_diffpool.ops.level.SparseLevel`.

    Attributes:
        adj: Adjacency matrices (B, N, N), or (1, N, N) if all graphs share one.
        graphs: The padded graphs, with the mask of the rows that are nodes.
    """

    adj: Tensor
    graphs: PaddedGraphs

    @property
    def mask(self) -> Tensor | None:
        """Mask of the rows that are nodes, or None if all are."""
        return self.graphs.mask

    def contract(
        self, x: Tensor, s: Tensor, backend: str = "auto", distances: Distances = None
    ) -> tuple[Coarsening, Tensor | None]:
        """Coarsen, and compute :meth:`squared_distances` if requested; ignores the backend."""
        adj = mask_adjacency(self.adj, self.mask)
        dtype = accumulation_dtype(x.dtype, s.dtype, adj.dtype)
        pooled_dtype = torch.promote_types(x.dtype, s.dtype)
        rows = self.graphs.mask_rows(x).to(dtype)
        wide = self.graphs.mask_rows(s).to(dtype)
        with without_autocast(s):
            s_t = wide.transpose(1, 2)
            pooled, product = s_t @ rows, s_t @ (adj.to(dtype) @ wide)
            coarsening = Coarsening(pooled.to(pooled_dtype), product, s_t @ wide)
        squared = None if distances is None else self.squared_distances(s, distances)
        return coarsening, squared

    def squared_distances(self, s: Tensor, distances: Distances = "graphs") -> Tensor:
        r"""Return :math:`\lVert \mathbf{A} - \mathbf{S} \mathbf{S}^{\top} \rVert_F^2`.

        Args:
            s: Assignment (B, N, K).
            distances: ``"graphs"`` excludes padding; ``"padded"`` includes the entries of the
                adjacency matrices in padding, as PyG does.

        Returns:
            One value per graph, in float64.
        """
        dtype = self.loss_dtype(s)
        adj = self.adj if distances == "padded" else mask_adjacency(self.adj, self.mask)
        s = self.graphs.mask_rows(s).to(dtype)
        with without_autocast(s):
            difference = exact(adj.to(dtype) - s @ s.transpose(1, 2))
        return difference.square().sum((1, 2))

    def out_degrees(self) -> Tensor:
        """Return the sum of the weights of each node's outgoing edges, (B, N)."""
        return mask_adjacency(accumulated(self.adj), self.mask).sum(2)

    def padded_pairs(self) -> int | Tensor:
        """Return the number of entries of the adjacency matrices, including padding."""
        return self.adj.numel()

    def loss_dtype(self, s: Tensor) -> torch.dtype:
        """Return the dtype of losses that compare an assignment with the adjacency."""
        return accumulation_dtype(s.dtype, self.adj.dtype)
