"""The mean-field rounds of Structure2Vec, one set of weights for sparse and dense levels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from torch_geometric import EdgeIndex
from torch_geometric.nn.dense import Linear
from torch_geometric.typing import SparseTensor

from pyg_diffpool import Adjacency, SAGEConv, prepare_adjacency
from pyg_diffpool.nn import BatchNorm
from pyg_diffpool.ops.level import is_dense_level
from pyg_diffpool.ops.padded_graphs import mask_rows


class MeanField(torch.nn.Module):
    r"""Embedded mean-field inference on a latent variable model of the graph.

    .. math::
        \mu_v^{(0)} = \mathrm{ReLU}(\mathbf{W}_1 \mathbf{x}_v), \qquad
        \mu_v^{(t)} = \mathrm{ReLU} \Big( \mathbf{W}_1 \mathbf{x}_v + \mathbf{W}_2 \sum_{u}
        \mathbf{A}_{uv} \, \mu_u^{(t - 1)} \Big)

    (Algorithm 1 of `"Discriminative Embeddings of Latent Variable Models for Structured Data"
    <https://arxiv.org/abs/1603.05629>`_, without edge features; the first potential and the bias of
    :math:`\mathbf{W}_2` as in its authors' ``EmbedMeanField``,
    Hanjun-Dai/pytorch_structure2vec.) All rounds share their weights. On a pooled graph the weights
    of its edges weight the sum.

    Args:
        in_channels: Size of each input row.
        latent_channels: Size of :math:`\mu`.
        num_rounds: Number of rounds; 0 leaves the first potential.
        batch_norm: Whether batch normalisation follows each round; the authors' code has none.
            (default: :obj:`False`)
        dropout: Share of entries set to zero after each round. (default: :obj:`0.0`)

    Shapes:
        - **input:** as for :class:`pyg_diffpool.SAGEConv`
        - **output:** :math:`(N, D)` or :math:`(B, N, D)`, where :math:`D` is :attr:`out_channels`
    """

    runs_on_dense_levels = True

    def __init__(
        self,
        in_channels: int,
        latent_channels: int,
        num_rounds: int,
        *,
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.lin = Linear(in_channels, latent_channels)
        self.conv = SAGEConv(latent_channels, latent_channels, "sum", root_weight=False)
        self.norms = torch.nn.ModuleList(
            BatchNorm(latent_channels) for _ in range(num_rounds) if batch_norm
        )
        self.num_rounds = num_rounds
        self.dropout = dropout
        self.out_channels = latent_channels

    def reset_parameters(self) -> None:
        """Draw all weights anew, and forget all statistics."""
        for module in (self.lin, self.conv, *self.norms):
            module.reset_parameters()

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
        edge_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Run all rounds over one shared adjacency."""
        if not is_dense_level(x):
            edge_index, edge_weight = prepare_adjacency(edge_index, edge_weight, x.size(0)), None
        potential = self.lin(mask_rows(x, mask))
        latent: Tensor = potential.relu()
        for number in range(self.num_rounds):
            neighbours = self.conv(latent, edge_index, edge_weight, mask=mask)
            latent = (potential + neighbours).relu()
            if len(self.norms) > 0:
                latent = self.norms[number](latent, mask)
            latent = F.dropout(latent, self.dropout, self.training)
        # The bias reached rows that are no nodes.
        return mask_rows(latent, mask)
