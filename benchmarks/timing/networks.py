"""Two-pool networks of the rivals: PyG's example, tgp's DiffPool in its place, ours likewise."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import BatchNorm, DenseSAGEConv, SAGEConv, dense_diff_pool

from benchmarks.timing.rivals import TgpDiffPool
from pyg_diffpool import Adjacency, GNNBlock, diff_pool
from pyg_diffpool import dense_diff_pool as our_dense_diff_pool

Output = tuple[Tensor, Tensor]


def classifier(hidden_channels: int, out_channels: int) -> nn.Sequential:
    """Return what all networks classify with: a hidden layer over the rows of three layers."""
    widths = 3 * hidden_channels, hidden_channels, out_channels
    return nn.Sequential(nn.Linear(*widths[:2]), nn.ReLU(), nn.Linear(*widths[1:]))


class DenseBlock(nn.Module):
    """Three dense GraphSAGE layers side by side, batch normalisation over padded rows included.

    Args:
        in_channels: Size of each input row.
        hidden_channels: Size of the rows of the first two layers.
        out_channels: Size of the third layer's rows.
        linear: Whether a linear layer takes the three to ``out_channels``. (default: :obj:`False`)
    """

    def __init__(
        self, in_channels: int, hidden_channels: int, out_channels: int, linear: bool = False
    ) -> None:
        super().__init__()
        widths = [in_channels, hidden_channels, hidden_channels, out_channels]
        self.convs = nn.ModuleList(
            DenseSAGEConv(before, after) for before, after in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths[1:])
        self.linear = nn.Linear(sum(widths[1:]), out_channels) if linear else None

    def forward(self, x: Tensor, adj: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the rows of all layers, concatenated, or what the linear layer makes of them."""
        rows = []
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = conv(x, adj, mask).relu()
            x = norm(x.flatten(0, 1)).view_as(x)
            rows.append(x)
        out = torch.cat(rows, dim=-1)
        return out if self.linear is None else self.linear(out).relu()


class PyGNet(nn.Module):
    """The network of PyG's ``examples/proteins_diff_pool.py``, with both losses of both poolings.

    Args:
        in_channels: Size of each node's features.
        hidden_channels: 64 in the example.
        out_channels: Number of classes.
        clusters: Clusters of both poolings.
    """

    def __init__(
        self, in_channels: int, hidden_channels: int, out_channels: int, clusters: Sequence[int]
    ) -> None:
        super().__init__()
        first, second = clusters
        hidden, read = hidden_channels, 3 * hidden_channels
        self.assign_1 = DenseBlock(in_channels, hidden, first, linear=True)
        self.embed_1 = DenseBlock(in_channels, hidden, hidden)
        self.assign_2 = DenseBlock(read, hidden, second, linear=True)
        self.embed_2 = DenseBlock(read, hidden, hidden)
        self.embed_3 = DenseBlock(read, hidden, hidden)
        self.classifier = classifier(hidden, out_channels)

    def forward(self, x: Tensor, adj: Tensor, mask: Tensor) -> Output:
        """Return logits and the sum of all side objectives."""
        assignment = self.assign_1(x, adj, mask)
        x, adj, link_1, entropy_1 = dense_diff_pool(
            self.embed_1(x, adj, mask), adj, assignment, mask
        )
        assignment = self.assign_2(x, adj)
        x, adj, link_2, entropy_2 = dense_diff_pool(self.embed_2(x, adj), adj, assignment)
        logits = self.classifier(self.embed_3(x, adj).mean(dim=1))
        return logits, link_1 + link_2 + entropy_1 + entropy_2


class SparseBlock(nn.Module):
    """Three GraphSAGE layers side by side on a sparse batch."""

    def __init__(self, in_channels: int, hidden_channels: int) -> None:
        super().__init__()
        widths = [in_channels, *[hidden_channels] * 3]
        self.convs = nn.ModuleList(SAGEConv(before, after) for before, after in pairwise(widths))
        self.norms = nn.ModuleList(BatchNorm(width) for width in widths[1:])

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Return the rows of all layers, concatenated."""
        rows = []
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = norm(F.relu(conv(x, edge_index)))
            rows.append(x)
        return torch.cat(rows, dim=-1)


class TgpNet(nn.Module):
    """tgp's DiffPool after each of two blocks; its assignments come from a linear layer, not a GNN.

    Args:
        in_channels: Size of each node's features.
        hidden_channels: Size of the rows between layers.
        out_channels: Number of classes.
        clusters: Clusters of both poolings.
        batched: Whether the first pooling pads (the second one is dense anyway).
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        clusters: Sequence[int],
        batched: bool,
    ) -> None:
        super().__init__()
        hidden, read = hidden_channels, 3 * hidden_channels
        # As in the paper: the pooled adjacency is SᵀAS itself.
        paper = {"remove_self_loops": False, "degree_norm": False}
        self.embed_1 = SparseBlock(in_channels, hidden)
        self.pool_1 = TgpDiffPool(in_channels=read, k=clusters[0], batched=batched, **paper)
        self.embed_2 = DenseBlock(read, hidden, hidden)
        self.pool_2 = TgpDiffPool(in_channels=read, k=clusters[1], batched=True, **paper)
        self.embed_3 = DenseBlock(read, hidden, hidden)
        self.classifier = classifier(hidden, out_channels)

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Output:
        """Return logits and the sum of all side objectives."""
        first = self.pool_1(x=self.embed_1(x, edge_index), adj=edge_index, batch=batch)
        rows = self.embed_2(first.x, first.edge_index)
        second = self.pool_2(x=rows, adj=first.edge_index)
        logits = self.classifier(self.embed_3(second.x, second.edge_index).mean(dim=1))
        losses = [*first.loss.values(), *second.loss.values()]
        return logits, torch.stack(losses).sum()


class OursLikeTgpNet(nn.Module):
    """:class:`TgpNet` with our layers and pooling: equal widths, and assignments of a linear layer.

    Args:
        in_channels: Size of each node's features.
        hidden_channels: Size of the rows between layers.
        out_channels: Number of classes.
        clusters: Clusters of both poolings.
    """

    def __init__(
        self, in_channels: int, hidden_channels: int, out_channels: int, clusters: Sequence[int]
    ) -> None:
        super().__init__()
        hidden, read = hidden_channels, 3 * hidden_channels
        self.embed_1 = GNNBlock(in_channels, hidden, hidden, 3, normalize=False)
        self.assign_1 = nn.Linear(read, clusters[0])
        self.embed_2 = GNNBlock(read, hidden, hidden, 3, normalize=False)
        self.assign_2 = nn.Linear(read, clusters[1])
        self.embed_3 = GNNBlock(read, hidden, hidden, 3, normalize=False)
        self.classifier = classifier(hidden, out_channels)

    def forward(
        self, x: Tensor, adjacency: Adjacency, batch: Tensor, batch_size: int, max_num_nodes: int
    ) -> Output:
        """Return logits and the sum of all side objectives."""
        rows = self.embed_1(x, adjacency)
        given = {"batch": batch, "batch_size": batch_size, "max_num_nodes": max_num_nodes}
        x, adj, link_1, entropy_1 = diff_pool(
            rows, self.assign_1(rows), adjacency, convention="pyg", **given
        )
        rows = self.embed_2(x, adj)
        x, adj, link_2, entropy_2 = our_dense_diff_pool(rows, adj, self.assign_2(rows))
        logits = self.classifier(self.embed_3(x, adj).mean(dim=1))
        return logits, link_1 + link_2 + entropy_1 + entropy_2
