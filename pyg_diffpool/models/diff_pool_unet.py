"""A network for nodes: poolings on the way down, and back up with skip connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.nn.aggr import Aggregation
from torch_geometric.nn.dense import Linear
from torch_geometric.typing import SparseTensor

from pyg_diffpool.models.diff_pool_net import AnyPooledGraph, DiffPoolOutput
from pyg_diffpool.models.poolings import make_poolings, read_scale
from pyg_diffpool.nn import (
    AnnealedTemperature,
    GNNBlock,
    SparsePooledGraph,
)
from pyg_diffpool.nn.watchers import has_observed
from pyg_diffpool.ops import Adjacency
from pyg_diffpool.ops.level import read_sparse_level
from pyg_diffpool.ops.objectives.choice import Weight


class DiffPoolUNet(torch.nn.Module):
    r"""A network for tasks on nodes: a U-Net whose poolings are :class:`DiffPool` layers.

    .. math::
        \mathbf{Z}^{(l)}, \mathbf{S}^{(l)} &= \mathrm{GNN}_{embed}^{(l)}, \mathrm{GNN}_{pool}^{(l)}
        \left( \mathbf{A}^{(l)}, \mathbf{X}^{(l)} \right), \qquad
        \mathbf{X}^{(l + 1)} = {\mathbf{S}^{(l)}}^{\top} \mathbf{Z}^{(l)}, \qquad
        \mathbf{A}^{(l + 1)} = {\mathbf{S}^{(l)}}^{\top} \mathbf{A}^{(l)} \mathbf{S}^{(l)}

        \mathbf{H}^{(L)} &= \mathrm{GNN}_{bottom} \left( \mathbf{A}^{(L)}, \mathbf{X}^{(L)} \right)

        \mathbf{H}^{(l)} &= \mathrm{GNN}_{up}^{(l)} \left( \mathbf{A}^{(l)}, \left[ \mathbf{Z}^{(l)}
        \, \Vert \, \mathbf{S}^{(l)} \mathbf{H}^{(l + 1)} \right] \right), \qquad
        \mathbf{Y} = \mathbf{H}^{(0)} \mathbf{W} + \mathbf{b}

    The architecture is that of `"Graph U-Nets" <https://arxiv.org/abs/1905.05178>`_, with
    :math:`\mathbf{S}^{\top}` and :math:`\mathbf{S}` of the paper's pooling instead of selecting
    nodes and scattering them: each node gets rows of all its clusters back, and sees the whole
    graph through a few of them. Without poolings, it is a flat GNN with the same settings.

    Args:
        in_channels: Number of input features per node.
        hidden_channels: Number of channels of every layer.
        out_channels: Number of classes :math:`C`, or of other outputs for each node.
        max_clusters: Number of clusters of each pooling, first to last; empty for a flat network.
        ratio: See :class:`DiffPool`. (default: :obj:`None`)
        assignment: See :class:`DiffPool`. (default: :obj:`"softmax"`)
        temperature: See :class:`DiffPoolNet`. (default: :obj:`1.0`)
        sparse_level: See :class:`DiffPool`. (default: :obj:`False`)
        num_layers: Number of convolutions of a block at level 0. (default: :obj:`2`)
        num_layers_after: Number of convolutions of a block after a pooling. (default: :obj:`2`)
        num_layers_up: Number of convolutions of a block on the way up. (default: :obj:`1`)
        aggr: See :class:`GNNBlock`. (default: :obj:`"mean"`)
        normalize: Whether rows are :math:`\ell_2`-normalised after each convolution.
            (default: :obj:`True`)
        batch_norm: Whether batch normalisation follows each layer. (default: :obj:`True`)
        dropout: See :class:`GNNBlock`. (default: :obj:`0.0`)
        link_weight: See :class:`DiffPool`. (default: :obj:`1.0` without :obj:`objectives`)
        entropy_weight: See :class:`DiffPool`. (default: :obj:`1.0` without :obj:`objectives`)
        objectives: See :class:`DiffPool`. (default: :obj:`None`, link and entropy)
        convention: See :class:`DiffPool`. (default: :obj:`"paper"`)
        scale: See :class:`DiffPoolNet`. (default: :obj:`"auto"`)
        backend: See :func:`coarsen`. (default: :obj:`"auto"`)
        aggr_kwargs: See :class:`SAGEConv`. (default: :obj:`None`)

    Shapes:
        - **input:** as for :class:`DiffPoolNet`
        - **output:** :class:`DiffPoolOutput` with :obj:`logits` of each node, :math:`(N, C)`

    Raises:
        ValueError: If an option is unknown or not available in the convention.

    Example:
        >>> net = DiffPoolUNet(3, 16, 2, max_clusters=[4, 2])
        >>> out = net(torch.randn(5, 3), torch.tensor([[0, 1], [1, 0]]))
        >>> out.logits.shape, len(out.levels), net.depth
        (torch.Size([5, 2]), 2, 8)
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        *,
        max_clusters: Sequence[int],
        ratio: float | None = None,
        assignment: str = "softmax",
        temperature: float | AnnealedTemperature = 1.0,
        sparse_level: bool = False,
        num_layers: int = 2,
        num_layers_after: int = 2,
        num_layers_up: int = 1,
        aggr: str | Sequence[str | Aggregation] | Aggregation = "mean",
        normalize: bool = True,
        batch_norm: bool = True,
        dropout: float = 0.0,
        link_weight: float | None = None,
        entropy_weight: float | None = None,
        objectives: Mapping[str, Weight] | None = None,
        convention: str = "paper",
        scale: str | None = "auto",
        backend: str = "auto",
        aggr_kwargs: dict[str, Any] | None = None,
    ):
        super().__init__()
        scale = read_scale(convention, scale)
        self.ratio = ratio
        self.depth = num_layers + (num_layers_after + num_layers_up) * len(max_clusters)

        def block(width: int, layers: int) -> GNNBlock:
            return GNNBlock(
                width,
                hidden_channels,
                hidden_channels,
                layers,
                aggr=aggr,
                aggr_kwargs=aggr_kwargs,
                normalize=normalize,
                batch_norm=batch_norm,
                dropout=dropout,
            )

        def block_down(width: int, level: int) -> GNNBlock:
            return block(width, num_layers if level == 0 else num_layers_after)

        self.pools, widths = make_poolings(
            in_channels,
            max_clusters,
            block_down,
            block_down,
            temperature,
            ratio=ratio,
            assignment=assignment,
            sparse_level=sparse_level,
            convention=convention,
            scale=scale,
            link_weight=link_weight,
            entropy_weight=entropy_weight,
            objectives=objectives,
            backend=backend,
        )
        self.bottom = block_down(widths[-1] if widths else in_channels, len(widths))
        width = self.bottom.out_channels
        self.ups = torch.nn.ModuleList()
        for skipped in reversed(widths):
            up = block(skipped + width, num_layers_up)
            self.ups.append(up)
            width = up.out_channels
        self.head = Linear(width, out_channels)

    def reset_parameters(self) -> None:
        """Reset all parameters and running statistics.

        Example:
            >>> net = DiffPoolUNet(3, 16, 2, max_clusters=[4])
            >>> before = net.head.weight.clone()
            >>> net.reset_parameters()
            >>> torch.equal(net.head.weight, before)
            False
        """
        for module in (*self.pools, self.bottom, *self.ups, self.head):
            module.reset_parameters()

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
        edge_weight: Tensor | None = None,
        batch: Tensor | None = None,
        batch_size: int | None = None,
        max_num_nodes: int | None = None,
    ) -> DiffPoolOutput:
        """Return the outputs of all nodes of a batch."""
        adjacency, graphs = read_sparse_level(
            {"x": x}, edge_index, edge_weight, batch, batch_size, max_num_nodes=max_num_nodes
        )
        edges: Any = adjacency
        weights: dict[str, Tensor | None] = {}
        if not isinstance(edge_index, Adjacency) and has_observed(self):
            # Explainers and message hooks observe the edges as they were passed.
            edges, weights = edge_index, {"edge_weight": edge_weight}
        where: dict[str, Any] = {"batch": graphs}
        levels: list[AnyPooledGraph] = []
        # What convolutions of each level take besides the rows.
        below: list[tuple[Any, dict[str, Any]]] = [(edges, weights)]
        for pool in self.pools:
            pooled = pool(x, edges, **weights, **where)
            levels.append(pooled)
            weights, mask = {}, None
            if isinstance(pooled, SparsePooledGraph):
                edges, where = pooled.adjacency, {"batch": pooled.graphs}
            else:
                mask = pooled.mask if self.ratio is not None else None
                edges, where = pooled.adj, {"mask": mask}
            x = pooled.x
            below.append((edges, {"mask": mask}))
        edges, options = below.pop()
        rows = self.bottom(x, edges, **options)
        for up, pooled in zip(self.ups, reversed(levels), strict=True):
            edges, options = below.pop()
            rows = up(torch.cat([pooled.embedding, pooled.unpool(rows)], -1), edges, **options)
        loss = sum((pooled.loss for pooled in levels), start=rows.new_zeros(()))
        return DiffPoolOutput(self.head(rows), loss, levels)
