"""The assignment network: GraphSAGE layers followed by a linear layer to the clusters."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.nn.dense import Linear
from torch_geometric.typing import SparseTensor

from pyg_diffpool.nn.gnn_block import GNNBlock
from pyg_diffpool.ops import Adjacency


class Assignment(torch.nn.Module):
    r"""Cluster logits of each node, :math:`\mathrm{GNN}_{pool}(\mathbf{A}, \mathbf{X})` (Eq. 6).

    Args:
        block: The GNN, with :attr:`GNNBlock.out_channels` output channels.
        max_clusters: Number of clusters :math:`K`.

    Shapes:
        - **input:** as for :class:`GNNBlock`
        - **output:** :math:`(N, K)` or :math:`(B, N, K)`

    Example:
        >>> assign = Assignment(GNNBlock(3, 8, 8, num_layers=2), max_clusters=5)
        >>> assign(torch.randn(4, 3), torch.tensor([[0, 1], [1, 0]])).shape
        torch.Size([4, 5])
    """

    runs_on_dense_levels = True

    def __init__(self, block: GNNBlock, max_clusters: int):
        super().__init__()
        self.block = block
        self.lin = Linear(block.out_channels, max_clusters)
        self.out_channels = max_clusters

    def reset_parameters(self) -> None:
        """Reset all parameters.

        Example:
            >>> assign = Assignment(GNNBlock(3, 8, 8, num_layers=2), max_clusters=5)
            >>> before = assign.lin.weight.clone()
            >>> assign.reset_parameters()
            >>> torch.equal(assign.lin.weight, before)
            False
        """
        self.block.reset_parameters()
        self.lin.reset_parameters()

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
        edge_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Return the logits; :class:`DiffPool` applies the softmax."""
        logits: Tensor = self.lin(self.block(x, edge_index, edge_weight, mask=mask))
        return logits
