"""Adjacencies of batches, cut out of those prepared once for all graphs of a data set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops import Adjacency
from pyg_diffpool.resident_graphs import ResidentGraphs, starts


class ResidentAdjacency(NamedTuple):
    """In-degrees and edge orders of all graphs of a data set.

    Attributes:
        degree: Number of edges into each node.
        by_target: Positions of the edges sorted by target, then source, within each graph; None
            for undirected graphs, whose reversed edges are sorted by target already.
        coalesced: Whether there are no duplicate edges.
    """

    degree: Tensor
    by_target: Tensor | None
    coalesced: bool

    @classmethod
    def of(cls, graphs: ResidentGraphs, undirected: bool) -> ResidentAdjacency:
        """Prepare graphs whose edges are sorted by source, then target."""
        row, col = graphs.edge_index
        first_node = starts(graphs.num_nodes).repeat_interleave(graphs.num_edges)
        total = int(graphs.num_nodes.sum())
        by_target = None
        if not undirected:
            by_target = torch.argsort((col + first_node) * total + row + first_node, stable=True)
        same = (row.diff() == 0) & (col.diff() == 0) & (first_node.diff() == 0)
        degree = torch.bincount(col + first_node, minlength=total)
        return cls(degree, by_target, not bool(same.any()))

    def to(self, device: torch.device | str) -> ResidentAdjacency:
        """Return a copy on another device."""
        by_target = None if self.by_target is None else self.by_target.to(device)
        return ResidentAdjacency(self.degree.to(device), by_target, self.coalesced)

    def cut(
        self,
        edge_index: Tensor,
        edge: Tensor,
        node: Tensor,
        edge_weight: tuple[Tensor, ...] | None,
        node_totals: list[int],
        edge_totals: list[int],
    ) -> Iterator[Adjacency]:
        """Yield the adjacencies of several batches that were gathered together.

        Args:
            edge_index: Edges, sorted by source, then target, with node indices within each batch.
            edge: Positions of the edges among all edges; not needed for undirected graphs.
            node: Positions of the nodes among all nodes.
            edge_weight: Weights of each batch.
            node_totals: Number of nodes of each batch.
            edge_totals: Number of edges of each batch.
        """
        ends = torch.zeros(node.numel() + 1, dtype=torch.long, device=node.device)
        torch.cumsum(self.degree.index_select(0, node), 0, out=ends[1:])
        rows, cols = (end.split_with_sizes(edge_totals) for end in edge_index)
        orders = None
        if self.by_target is not None:
            position = torch.arange(edge.numel(), device=edge.device)
            orders = (self.by_target.index_select(0, edge) + (position - edge)).split_with_sizes(
                edge_totals
            )
        first_node = first_edge = 0
        for number, num_nodes in enumerate(node_totals):
            rowptr = ends[first_node : first_node + num_nodes + 1] - first_edge
            row, col = rows[number], cols[number]
            # Weights of shape (E, 1) are accepted as well as (E), as with edge_index.
            weight = None if edge_weight is None else edge_weight[number].reshape(-1)
            if orders is None:
                yield Adjacency(rowptr, col, row, weight, True, None, self.coalesced)
            else:
                order = orders[number] - first_edge
                transposed = torch.empty_like(order)
                transposed[order] = torch.arange(order.numel(), device=order.device)
                weight = None if weight is None else weight.index_select(0, order)
                source, target = row.index_select(0, order), col.index_select(0, order)
                yield Adjacency(rowptr, source, target, weight, False, transposed, self.coalesced)
            first_node += num_nodes
            first_edge += edge_totals[number]
