"""The result of a pooling layer, and the input of the next level."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Batch

from pyg_diffpool.exportable import exportable
from pyg_diffpool.nn.watchers import mark_pooled


class PooledEdges(NamedTuple):
    """The nodes and weighted edges of a dense level, one graph after another."""

    x: Tensor
    edge_index: Tensor
    edge_weight: Tensor
    batch: Tensor
    ptr: Tensor


def to_edges(x: Tensor, adj: Tensor, mask: Tensor) -> PooledEdges:
    """Convert x (B, N, F), adj (B, N, N) and mask (B, N) to edges, one per nonzero weight."""
    sizes = mask.sum(1)
    ptr = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    batch = torch.arange(mask.size(0), device=x.device).repeat_interleave(sizes)
    node = (mask.flatten().cumsum(0) - 1).view_as(mask)
    graph, row, col = ((adj != 0) & mask.unsqueeze(1) & mask.unsqueeze(2)).nonzero().unbind(1)
    edge_index = torch.stack([node[graph, row], node[graph, col]])
    mark_pooled(edge_index)
    return PooledEdges(x[mask], edge_index, adj[graph, row, col], batch, ptr)


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
        losses: The side objectives by name, :obj:`"link"` and :obj:`"entropy"`, one value per graph
            (one for the batch with convention :obj:`"pyg"`).
        loss: Weighted sum of the side objectives over the batch, a scalar to add to the training
            loss.
        embedding: Embeddings :math:`\mathbf{Z}` of the nodes that were pooled.

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

    def to_batch(self) -> Batch:
        """Return the pooled graphs as a PyG batch, which any PyG layer accepts.

        Masked clusters are left out, and pairs of clusters with zero weight are not edges.
        Gradients flow through :obj:`x` and :obj:`edge_weight`. PyG's explainers set the edge mask
        of the input graph on every layer; set :obj:`conv.explain = False` on PyG layers that are
        called on these edges to exclude them.

        Returns:
            :class:`~torch_geometric.data.Batch` of x, edge_index, edge_weight, batch and ptr.

        Example:
            >>> from torch_geometric.nn import GCNConv
            >>> from pyg_diffpool import DiffPool
            >>> pool = DiffPool(GCNConv(3, 8), GCNConv(3, 2), max_clusters=2)
            >>> batch = pool(torch.randn(4, 3), torch.tensor([[0, 1], [1, 0]])).to_batch()
            >>> GCNConv(8, 8)(batch.x, batch.edge_index, batch.edge_weight).shape
            torch.Size([2, 8])
        """
        edges = to_edges(self.x, self.adj, self.mask)
        batch = Batch(
            x=edges.x,
            edge_index=edges.edge_index,
            edge_weight=edges.edge_weight,
            batch=edges.batch,
            ptr=edges.ptr,
        )
        batch._num_graphs = self.mask.size(0)
        # Batch.to_data_list needs these to separate the graphs again.
        counts = torch.bincount(edges.batch[edges.edge_index[0]], minlength=self.mask.size(0))
        edge_ptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)]).cpu()
        nodes, zeros = edges.ptr.cpu(), torch.zeros(self.mask.size(0), dtype=torch.long)
        batch._slice_dict = {"x": nodes, "edge_index": edge_ptr, "edge_weight": edge_ptr}
        batch._inc_dict = {"x": zeros, "edge_index": nodes[:-1], "edge_weight": zeros}
        return batch
