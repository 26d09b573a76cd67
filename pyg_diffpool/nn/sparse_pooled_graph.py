"""The result of a pooling layer whose pooled level is sparse, and the input of the next level."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Batch
from torch_geometric.utils import to_dense_batch

from pyg_diffpool.nn.pooled_graph import PooledGraph, make_batch
from pyg_diffpool.nn.watchers import mark_pooled
from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.assignments.sparse import SparseAssignment
from pyg_diffpool.ops.segments import Segments


class SparsePooledGraph(NamedTuple):
    r"""A sparse batch of pooled graphs, which :class:`DiffPool` returns with ``sparse_level=True``.

    Clusters are numbered one graph after another, as nodes are in a PyG batch: graph :math:`g` has
    :math:`k_g` of the :math:`M = \sum_g k_g` rows, none of which is padding. The layers of this
    package take :obj:`adjacency` and :obj:`graphs` as they are:
    :obj:`conv(pooled.x, pooled.adjacency)`, :obj:`pool(pooled.x, pooled.adjacency,
    batch=pooled.graphs)`; those of PyG take :obj:`edge_index`, :obj:`edge_weight` and :obj:`batch`.

    Attributes:
        x: Pooled features :math:`\mathbf{S}^{\top} \mathbf{Z}`, shape :math:`(M, F)`.
        adjacency: Pooled adjacency :math:`\mathbf{S}^{\top} \mathbf{A} \mathbf{S}`, prepared.
        graphs: The segment of clusters of each graph.
        assignment: The assignment of the nodes that were pooled, on its support.
        losses: The side objectives by name, as in :class:`PooledGraph`.
        loss: Weighted sum of the side objectives over the batch.
        embedding: Embeddings :math:`\mathbf{Z}` of the nodes that were pooled.
        edge_attr: Features of the edges, :math:`(|E|, C)`, see :func:`coarsen_edges`; :obj:`None`
            without edge features.

    Example:
        >>> from torch_geometric.nn import GCNConv
        >>> from pyg_diffpool import DiffPool, SAGEConv
        >>> pool = DiffPool(
        ...     SAGEConv(3, 8),
        ...     SAGEConv(3, 100),
        ...     max_clusters=100,
        ...     ratio=0.5,
        ...     assignment="sparsemax",
        ...     sparse_level=True,
        ... )
        >>> x, edge_index = torch.randn(6, 3), torch.tensor([[0, 1, 4], [1, 2, 5]])
        >>> pooled = pool(x, edge_index, batch=torch.tensor([0, 0, 0, 0, 1, 1]))
        >>> pooled.x.shape, pooled.batch
        (torch.Size([3, 8]), tensor([0, 0, 1]))
        >>> SAGEConv(8, 2)(pooled.x, pooled.adjacency).shape
        torch.Size([3, 2])
        >>> GCNConv(8, 2)(pooled.x, pooled.edge_index, pooled.edge_weight).shape
        torch.Size([3, 2])
        >>> pooled.unpool(pooled.x).shape
        torch.Size([6, 8])
        >>> pooled.ptr, pooled.batch_size, pooled.to_batch().num_graphs
        (tensor([0, 2, 3]), 2, 2)
    """

    x: Tensor
    adjacency: Adjacency
    graphs: Segments
    assignment: SparseAssignment
    losses: dict[str, Tensor]
    loss: Tensor
    embedding: Tensor
    edge_attr: Tensor | None = None

    @property
    def edge_index(self) -> Tensor:
        """Edges :math:`(2, |E|)`, sorted by target."""
        edge_index = torch.stack([self.adjacency.col, self.adjacency.target])
        mark_pooled(edge_index)
        return edge_index

    @property
    def edge_weight(self) -> Tensor:
        """Weights :math:`(|E|)`."""
        assert self.adjacency.weight is not None
        return self.adjacency.weight

    @property
    def batch(self) -> Tensor:
        """Graph of each cluster, :math:`(M)`."""
        return self.graphs.batch

    @property
    def ptr(self) -> Tensor:
        """First cluster of each graph, :math:`(B + 1)`."""
        return self.graphs.ptr

    @property
    def batch_size(self) -> int:
        """Number of graphs :math:`B`."""
        return self.graphs.batch_size

    def unpool(self, rows: Tensor) -> Tensor:
        r"""Return rows of clusters to the nodes that were pooled.

        .. math::
            \mathbf{Y} = \mathbf{S} \mathbf{X}'

        The adjoint of the pooling of features, :math:`\mathbf{X}' = \mathbf{S}^{\top} \mathbf{X}`.

        Args:
            rows: One row for each cluster, :math:`(M, F)`.

        Returns:
            One row for each node, :math:`(N, F)`.

        Raises:
            ValueError: If there is not one row for each cluster.
        """
        if rows.dim() != 2 or rows.size(0) != self.graphs.batch.numel():
            raise ValueError(
                f"rows: expected one row for each of the {self.graphs.batch.numel()} clusters, "
                f"got shape {tuple(rows.shape)}"
            )
        return self.assignment.unpool(rows).to(rows.dtype)

    def to_padded(self, padded_nodes: bool = False) -> PooledGraph:
        r"""Return the same as a dense level, for tools that need one.

        It has :math:`B K^2` weights, where :math:`K` is the largest number of clusters of a graph,
        so that it is for small graphs.

        Args:
            padded_nodes: Whether the nodes that were pooled are padded too, as those of a second
                dense level are. (default: :obj:`False`)

        Example:
            >>> from pyg_diffpool import DiffPool, SAGEConv
            >>> networks = SAGEConv(3, 8), SAGEConv(3, 4)
            >>> options = {"assignment": "sparsemax", "sparse_level": True}
            >>> pool = DiffPool(*networks, max_clusters=4, **options)
            >>> pooled = pool(torch.randn(6, 3), torch.tensor([[0, 1], [1, 2]]))
            >>> pooled.to_padded().adj.shape
            torch.Size([1, 4, 4])
        """
        clusters, nodes = self.graphs, self.assignment.nodes
        width, graphs = clusters.width, clusters.batch_size
        x, mask = to_dense_batch(self.x, clusters.batch, 0.0, width, graphs)
        graph, first = clusters.batch[self.adjacency.col], clusters.ptr
        place = graph, self.adjacency.col - first[graph], self.adjacency.target - first[graph]
        adj = self.edge_weight.new_zeros(graphs, width, width).index_put(place, self.edge_weight)
        edge_attr = None
        if self.edge_attr is not None:
            features = self.edge_attr
            zeros = features.new_zeros(graphs, width, width, features.size(1))
            edge_attr = zeros.index_put(place, features)
        s, embedding = self.assignment.to_dense(), self.embedding
        node_batch: Tensor | None = nodes.batch
        node_mask = None
        if padded_nodes:
            size = nodes.width
            s, node_mask = to_dense_batch(s, nodes.batch, 0.0, size, graphs)
            embedding, _ = to_dense_batch(embedding, nodes.batch, 0.0, size, graphs)
            node_batch = None
        return PooledGraph(
            x, adj, mask, s, self.losses, self.loss, embedding, node_batch, node_mask, edge_attr
        )

    def to_batch(self) -> Batch:
        """Return the pooled graphs as a PyG batch, see :meth:`PooledGraph.to_batch`."""
        edges = self.edge_index, self.edge_weight
        return make_batch(self.x, *edges, self.graphs.batch, self.ptr, self.edge_attr)
