"""GraphSAGE layers in a row, on sparse and dense levels."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.nn.batch_norm import BatchNorm
from pyg_diffpool.nn.sage_conv import SAGEConv
from pyg_diffpool.nn.watchers import has_observed
from pyg_diffpool.ops import Adjacency, prepare_adjacency
from pyg_diffpool.ops.level import is_dense_level
from pyg_diffpool.ops.validation import check_choice


class GNNBlock(torch.nn.Module):
    r"""A GNN of :class:`SAGEConv` layers: the embedding or the assignment network of a level.

    .. math::
        \mathbf{H}^{(k)} = \mathrm{BN} \left( \mathrm{ReLU} \left( \mathrm{SAGE} \left( \mathbf{A},
        \mathbf{H}^{(k - 1)} \right) \right) \right)

    (Equation 1 of `"Hierarchical Graph Representation Learning with Differentiable Pooling"
    <https://arxiv.org/abs/1806.08804>`_, layers ordered as in its authors' code.)

    Args:
        in_channels: Size of each input row.
        hidden_channels: Size of the rows between layers.
        out_channels: Size of the last layer's rows.
        num_layers: Number of layers.
        aggr: See :class:`SAGEConv`. (default: :obj:`"mean"`)
        normalize: Whether every layer's rows are :math:`\ell_2`-normalised.
            (default: :obj:`True`)
        root_weight: See :class:`SAGEConv`. (default: :obj:`True`)
        batch_norm: Whether batch normalisation follows. (default: :obj:`True`)
        jump: :obj:`"cat"` returns the rows of all layers side by side, :obj:`"last"` those of the
            last one. (default: :obj:`"cat"`)
        dropout: Share of entries set to zero between layers. (default: :obj:`0.0`)
        final_activation: Whether ReLU and batch normalisation follow the last layer too; the
            authors' code leaves it bare. (default: :obj:`True`)

    Shapes:
        - **input:** as for :class:`SAGEConv`
        - **output:** :math:`(N, D)` or :math:`(B, N, D)`, where :math:`D` is :attr:`out_channels`

    Raises:
        ValueError: If :obj:`jump` is unknown or there is no layer.

    Example:
        >>> block = GNNBlock(3, 8, 8, num_layers=2)
        >>> block(torch.randn(4, 3), torch.tensor([[0, 1], [1, 0]])).shape
        torch.Size([4, 16])
    """

    runs_on_dense_levels = True

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        num_layers: int,
        *,
        aggr: str = "mean",
        normalize: bool = True,
        root_weight: bool = True,
        batch_norm: bool = True,
        jump: str = "cat",
        dropout: float = 0.0,
        final_activation: bool = True,
    ):
        super().__init__()
        check_choice("jump", jump, ("cat", "last"))
        if num_layers < 1:
            raise ValueError(f"num_layers: expected at least 1, got {num_layers}")
        widths = [in_channels, *[hidden_channels] * (num_layers - 1), out_channels]
        self.convs = torch.nn.ModuleList(
            SAGEConv(before, after, aggr, normalize, root_weight)
            for before, after in pairwise(widths)
        )
        activated = num_layers if final_activation else num_layers - 1
        self.norms = torch.nn.ModuleList(
            BatchNorm(width) for width in widths[1 : activated + 1] if batch_norm
        )
        self.activated = activated
        self.jump = jump
        self.dropout = dropout
        self.out_channels = sum(widths[1:]) if jump == "cat" else out_channels

    def reset_parameters(self) -> None:
        """Draw all weights anew, and forget all statistics.

        Example:
            >>> block = GNNBlock(3, 8, 8, num_layers=2)
            >>> out = block(torch.randn(4, 3), torch.tensor([[0, 1], [1, 0]]))
            >>> block.norms[0].module.num_batches_tracked
            tensor(1)
            >>> block.reset_parameters()
            >>> block.norms[0].module.num_batches_tracked
            tensor(0)
        """
        for module in (*self.convs, *self.norms):
            module.reset_parameters()

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
        edge_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Run all layers over one shared adjacency."""
        # Whoever watches a layer's messages is to see the edges as they were given.
        prepared = isinstance(edge_index, Adjacency)
        if not (is_dense_level(x) or prepared or has_observed(self.convs)):
            edge_index, edge_weight = prepare_adjacency(edge_index, edge_weight, x.size(0)), None
        outputs = []
        for layer, conv in enumerate(self.convs):
            x = conv(x, edge_index, edge_weight, mask=mask)
            if layer < self.activated:
                x = x.relu()
                x = self.norms[layer](x, mask) if len(self.norms) > 0 else x
                x = F.dropout(x, self.dropout, self.training)
            outputs.append(x)
        return torch.cat(outputs, -1) if self.jump == "cat" else outputs[-1]
