"""The result of a pooling layer, and the input of the next level."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Batch

from pyg_diffpool.exportable import exportable
from pyg_diffpool.nn.watchers import mark_pooled
from pyg_diffpool.ops.backends import plain_spread
from pyg_diffpool.ops.padded_graphs import mask_rows
from pyg_diffpool.ops.segments import segments


class PooledEdges(NamedTuple):
    """The nodes and weighted edges of a dense level, one graph after another."""

    x: Tensor
    edge_index: Tensor
    edge_weight: Tensor
    batch: Tensor
    ptr: Tensor
    edge_attr: Tensor | None


def to_edges(x: Tensor, adj: Tensor, mask: Tensor, edge_attr: Tensor | None = None) -> PooledEdges:
    """Convert x (B, N, F), adj (B, N, N) and mask (B, N) to edges, one per nonzero weight.

    Edge features (B, N, N, C) are those of the edges.
    """
    sizes = mask.sum(1)
    ptr = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    batch = torch.arange(mask.size(0), device=x.device).repeat_interleave(sizes)
    node = (mask.flatten().cumsum(0) - 1).view_as(mask)
    graph, row, col = ((adj != 0) & mask.unsqueeze(1) & mask.unsqueeze(2)).nonzero().unbind(1)
    edge_index = torch.stack([node[graph, row], node[graph, col]])
    mark_pooled(edge_index)
    features = None if edge_attr is None else edge_attr[graph, row, col]
    return PooledEdges(x[mask], edge_index, adj[graph, row, col], batch, ptr, features)


def make_batch(
    x: Tensor,
    edge_index: Tensor,
    edge_weight: Tensor,
    batch: Tensor,
    ptr: Tensor,
    edge_attr: Tensor | None = None,
) -> Batch:
    """Return a PyG batch of weighted graphs, which can be taken apart again."""
    made = Batch(x=x, edge_index=edge_index, edge_weight=edge_weight, batch=batch, ptr=ptr)
    num_graphs = ptr.numel() - 1
    made._num_graphs = num_graphs
    # Batch.to_data_list needs these to separate the graphs again.
    counts = torch.bincount(batch[edge_index[0]], minlength=num_graphs)
    edge_ptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)]).cpu()
    nodes, zeros = ptr.cpu(), torch.zeros(num_graphs, dtype=torch.long)
    made._slice_dict = {"x": nodes, "edge_index": edge_ptr, "edge_weight": edge_ptr}
    made._inc_dict = {"x": zeros, "edge_index": nodes[:-1], "edge_weight": zeros}
    if edge_attr is not None:
        made.edge_attr = edge_attr
        made._slice_dict["edge_attr"] = edge_ptr
        made._inc_dict["edge_attr"] = zeros
    return made


@exportable
class PooledGraph(NamedTuple):
    r"""A batch of pooled graphs, with the assignments, embeddings and losses of the pooling.

    Attributes:
        x: Pooled features :math:`\mathbf{S}^{\top} \mathbf{Z}`, shape :math:`(B, K, F)`.
        adj: Pooled adjacency :math:`\mathbf{S}^{\top} \mathbf{A} \mathbf{S}`,
            shape :math:`(B, K, K)`.
        mask: Boolean mask of the clusters that each graph uses, :math:`(B, K)`; all clusters
            without a ratio.
        assignment: Soft assignment :math:`\mathbf{S}` of the nodes that were pooled,
            :math:`(N, K)` or :math:`(B, N, K)`.
        losses: The side objectives by name, by default :obj:`"link"` and :obj:`"entropy"`, one
            value per graph (with convention :obj:`"pyg"`, these two have one for the batch).
        loss: Weighted sum of the side objectives over the batch, a scalar to add to the training
            loss.
        embedding: Embeddings :math:`\mathbf{Z}` of the nodes that were pooled.
        node_batch: Graph of each node that was pooled, :math:`(N)`; :obj:`None` on a dense level.
        node_mask: Mask of the rows that were nodes, :math:`(B, N)`; :obj:`None` if all were.
        edge_attr: Features of each pair of clusters, :math:`(B, K, K, C)`, see
            :func:`coarsen_edges`; :obj:`None` without edge features.

    Example:
        >>> from pyg_diffpool import DiffPool, SAGEConv
        >>> pool = DiffPool(SAGEConv(3, 8), SAGEConv(3, 4), max_clusters=4, ratio=0.5)
        >>> x, edge_index = torch.randn(6, 3), torch.tensor([[0, 1, 4], [1, 2, 5]])
        >>> pooled = pool(x, edge_index, batch=torch.tensor([0, 0, 0, 0, 1, 1]))
        >>> pooled.mask.sum(1), pooled.losses["link"].shape
        (tensor([2, 1]), torch.Size([2]))
        >>> torch.allclose(pooled.assignment.sum(1), torch.ones(6))
        True
    """

    x: Tensor
    adj: Tensor
    mask: Tensor
    assignment: Tensor
    losses: dict[str, Tensor]
    loss: Tensor
    embedding: Tensor
    node_batch: Tensor | None = None
    node_mask: Tensor | None = None
    edge_attr: Tensor | None = None

    def unpool(self, rows: Tensor) -> Tensor:
        r"""Return rows of clusters to the nodes that were pooled.

        .. math::
            \mathbf{Y} = \mathbf{S} \mathbf{X}'

        This is the adjoint of the pooling of features, :math:`\mathbf{X}' = \mathbf{S}^{\top}
        \mathbf{X}`: each node gets the mean of its clusters' rows, weighted by its assignment. Rows
        of masked clusters are left out, whatever they hold. Rows of deeper levels come back level
        by level: :obj:`levels[0].unpool(levels[1].unpool(rows))`.

        Args:
            rows: Rows of the clusters, :math:`(B, K, F)`.

        Returns:
            Rows of the nodes, :math:`(N, F)`, or :math:`(B, N, F)` on a dense level, where rows
            that are not nodes are zero.

        Raises:
            ValueError: If :obj:`rows` has another shape.

        Example:
            >>> from pyg_diffpool import DiffPool, SAGEConv
            >>> pool = DiffPool(SAGEConv(3, 8), SAGEConv(3, 4), max_clusters=4)
            >>> pooled = pool(torch.randn(6, 3), torch.tensor([[0, 1], [1, 0]]))
            >>> pooled.unpool(pooled.x).shape
            torch.Size([6, 8])
        """
        shape = tuple(self.mask.shape)
        if rows.dim() != 3 or tuple(rows.shape[:2]) != shape:
            raise ValueError(
                f"rows: expected the rows of {shape[0]} graphs of {shape[1]} clusters, "
                f"{[*shape, 'F']}, got shape {tuple(rows.shape)}"
            )
        s = self.assignment
        clusters = mask_rows(rows, self.mask).to(s.dtype)
        if s.dim() == 3:
            return torch.bmm(mask_rows(s, self.node_mask), clusters).to(rows.dtype)
        nodes = segments(s.size(0), self.node_batch, shape[0], None, s.device, validate=False)
        return plain_spread(nodes, s, clusters).to(rows.dtype)

    def to_batch(self) -> Batch:
        """Return the pooled graphs as a PyG batch, which any PyG layer accepts.

        Masked clusters are left out, and pairs of clusters with zero weight are not edges.
        Gradients flow through :obj:`x` and :obj:`edge_weight`. PyG's explainers set the edge mask
        of the input graph on every layer; set :obj:`conv.explain = False` on PyG layers that are
        called on these edges to exclude them.

        Returns:
            :class:`~torch_geometric.data.Batch` of x, edge_index, edge_weight, batch and ptr, and
            of edge_attr if there are edge features.

        Example:
            >>> from torch_geometric.nn import GCNConv
            >>> from pyg_diffpool import DiffPool
            >>> pool = DiffPool(GCNConv(3, 8), GCNConv(3, 2), max_clusters=2)
            >>> batch = pool(torch.randn(4, 3), torch.tensor([[0, 1], [1, 0]])).to_batch()
            >>> GCNConv(8, 8)(batch.x, batch.edge_index, batch.edge_weight).shape
            torch.Size([2, 8])
        """
        edges = to_edges(self.x, self.adj, self.mask, self.edge_attr)
        return make_batch(*edges)
