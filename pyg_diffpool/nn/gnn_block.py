"""A stack of GraphSAGE layers on sparse and dense levels."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.nn.aggr import Aggregation
from torch_geometric.typing import SparseTensor

from pyg_diffpool.nn.batch_norm import BatchNorm
from pyg_diffpool.nn.complete_graph import convolve_complete_graph
from pyg_diffpool.nn.joint_blocks import run_blocks
from pyg_diffpool.nn.sage_conv import SAGEConv
from pyg_diffpool.nn.watchers import has_observed
from pyg_diffpool.ops import Adjacency, prepare_adjacency
from pyg_diffpool.ops.level import is_dense_level, read_mask
from pyg_diffpool.ops.validation import check_choice, check_flag


class GNNBlock(torch.nn.Module):
    r"""A GNN of :class:`SAGEConv` layers: the embedding or the assignment network of a level.

    .. math::
        \mathbf{H}^{(k)} = \mathrm{BN} \left( \mathrm{ReLU} \left( \mathrm{SAGE} \left( \mathbf{A},
        \mathbf{H}^{(k - 1)} \right) \right) \right)

    (Equation 1 of `"Hierarchical Graph Representation Learning with Differentiable Pooling"
    <https://arxiv.org/abs/1806.08804>`_, with the order of layers of its authors' code.)

    Args:
        in_channels: Number of input channels.
        hidden_channels: Number of hidden channels.
        out_channels: Number of output channels of the last layer.
        num_layers: Number of layers.
        aggr: See :class:`SAGEConv`; each layer gets its own copy of an aggregation module.
            (default: :obj:`"mean"`)
        normalize: Whether the output of every layer is :math:`\ell_2`-normalised.
            (default: :obj:`True`)
        root_weight: See :class:`SAGEConv`. (default: :obj:`True`)
        batch_norm: Whether batch normalisation follows each layer. (default: :obj:`True`)
        jump: :obj:`"cat"` returns the concatenated outputs of all layers, :obj:`"last"` that of the
            last layer. (default: :obj:`"cat"`)
        dropout: Dropout probability of the input of every layer but the first. The returned
            outputs are not dropped out: dropout rescales the remaining entries, so that their
            maximum would be larger in training than in evaluation, and batch normalisation of it
            would track the wrong statistics. (default: :obj:`0.0`)
        final_activation: Whether ReLU and batch normalisation also follow the last layer; the
            authors' code omits them there. (default: :obj:`True`)
        residual: Whether a layer's input is added to its output if both have the same size:
            :math:`\mathbf{H}^{(k)} + \mathbf{H}^{(k - 1)}`, after batch normalisation, as in
            `"Benchmarking Graph Neural Networks" <https://arxiv.org/abs/2003.00982>`_.
            (default: :obj:`False`)
        fully_adjacent: Whether the last layer connects every node of a graph to all its nodes,
            including itself, with weight 1, instead of using the edges: its mean is the mean over
            the graph. This avoids the bottleneck of long paths without additional parameters, see
            `"On the Bottleneck of Graph Neural Networks and its Practical Implications"
            <https://arxiv.org/abs/2006.05205>`_, and is computed in :math:`O(N)`. On sparse levels
            it requires :obj:`batch`. (default: :obj:`False`)
        aggr_kwargs: See :class:`SAGEConv`. (default: :obj:`None`)

    Shapes:
        - **input:** as for :class:`SAGEConv`; :obj:`batch` :math:`(N)` and :obj:`batch_size`
          *(for a fully adjacent layer on a sparse level)*
        - **output:** :math:`(N, D)` or :math:`(B, N, D)`, where :math:`D` is :attr:`out_channels`

    Raises:
        ValueError: If :obj:`jump` is unknown or there is no layer; in a forward pass, if a fully
            adjacent layer is missing :obj:`batch`.

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
        aggr: str | Sequence[str | Aggregation] | Aggregation = "mean",
        normalize: bool = True,
        root_weight: bool = True,
        batch_norm: bool = True,
        jump: str = "cat",
        dropout: float = 0.0,
        final_activation: bool = True,
        residual: bool = False,
        fully_adjacent: bool = False,
        aggr_kwargs: dict[str, Any] | None = None,
    ):
        super().__init__()
        check_choice("jump", jump, ("cat", "last"))
        check_flag("residual", residual)
        check_flag("fully_adjacent", fully_adjacent)
        if num_layers < 1:
            raise ValueError(f"num_layers: expected at least 1, got {num_layers}")
        widths = [in_channels, *[hidden_channels] * (num_layers - 1), out_channels]
        self.convs = torch.nn.ModuleList(
            SAGEConv(before, after, deepcopy(aggr), normalize, root_weight, aggr_kwargs=aggr_kwargs)
            for before, after in pairwise(widths)
        )
        activated = num_layers if final_activation else num_layers - 1
        self.norms = torch.nn.ModuleList(
            BatchNorm(width) for width in widths[1 : activated + 1] if batch_norm
        )
        self.activated = activated
        self.jump = jump
        self.dropout = dropout
        self.residual = residual
        self.fully_adjacent = fully_adjacent
        self.out_channels = sum(widths[1:]) if jump == "cat" else out_channels

    def reset_parameters(self) -> None:
        """Reset all parameters and running statistics.

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
        batch: Tensor | None = None,
        batch_size: int | None = None,
    ) -> Tensor:
        """Run all layers over one shared adjacency."""
        # Explainers and message hooks observe the edges as they were passed.
        prepared = isinstance(edge_index, Adjacency)
        if not (is_dense_level(x) or prepared or has_observed(self.convs)):
            edge_index, edge_weight = prepare_adjacency(edge_index, edge_weight, x.size(0)), None
        joint = run_blocks((self,), x, edge_index, mask) if edge_weight is None else None
        if joint is not None:
            return joint[0]
        outputs = []
        for layer, conv in enumerate(self.convs):
            before = x
            if layer > 0:
                x = F.dropout(x, self.dropout, self.training)
            if self.fully_adjacent and layer == len(self.convs) - 1:
                graphs: dict[str, Any] = {"batch": batch, "batch_size": batch_size, "mask": mask}
                x = convolve_complete_graph(cast(SAGEConv, conv), x, **graphs)
            else:
                x = conv(x, edge_index, edge_weight, mask=mask)
            if layer < self.activated:
                x = x.relu()
                x = self.norms[layer](x, mask) if len(self.norms) > 0 else x
            if self.residual and before.size(-1) == x.size(-1):
                x = x + _nodes_only(before, mask)
            outputs.append(x)
        return torch.cat(outputs, -1) if self.jump == "cat" else outputs[-1]


def _nodes_only(x: Tensor, mask: Tensor | None) -> Tensor:
    """Set rows outside the mask to zero, as convolutions do."""
    rows = read_mask(mask, None)
    return x if rows is None else x.masked_fill(~rows.unsqueeze(-1), 0.0)
