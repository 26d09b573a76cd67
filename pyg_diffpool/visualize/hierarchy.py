"""A graph's learned hierarchy as plain tensors: what the plots show, without Matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import coalesce

from pyg_diffpool.ops import coarsen
from pyg_diffpool.visualize.input_graph import InputGraph, read_graph
from pyg_diffpool.visualize.layout import Array, fitted, graph_layout
from pyg_diffpool.visualize.members import Members, looks, members
from pyg_diffpool.visualize.packing import nested_positions
from pyg_diffpool.visualize.poolings import Pooling, Poolings, poolings_of_graph, read_poolings


@dataclass(frozen=True)
class Level:
    r"""One level of a :class:`Hierarchy`: the input graph, or the graph of the clusters in use.

    Attributes:
        position: Positions of the nodes in :math:`[-1, 1]^2`, :math:`(n, 2)`.
        edge: Each undirected edge once, without self-loops, :math:`(2, |\mathcal{E}|)`.
        weight: :math:`(A_{uv} + A_{vu}) / 2` of each edge, :math:`(|\mathcal{E}|)`.
        mass: Soft number of input nodes that each node represents, :math:`(n)`.
        cluster: Most likely cluster of each node, as its row on the next level; -1 on the last
            level.
        membership: Assignment probabilities to the next level's clusters in use, :math:`(n, K)`.
            Rows sum to less than one if clusters that are not in use have some probability.
            :math:`(n, 0)` on the last level.
        index: Index of each node in the input graph, or of each cluster in its assignment matrix.
        color: Colour of each node as :obj:`"#rrggbb"`, see :func:`hierarchy`.
        mark: Matplotlib marker of each node, see :func:`hierarchy`.
        hidden: Number of clusters left out because they are not the most likely cluster of any
            node.

    Example:
        >>> data = Data(edge_index=torch.tensor([[0, 1], [1, 0]]), num_nodes=2)
        >>> level = hierarchy(data, torch.eye(2)).levels[0]
        >>> level.edge.tolist(), level.weight.tolist(), level.membership.tolist()
        ([[0], [1]], [1.0], [[1.0, 0.0], [0.0, 1.0]])
    """

    position: Tensor
    edge: Tensor
    weight: Tensor
    mass: Tensor
    cluster: Tensor
    membership: Tensor
    index: Tensor
    color: list[str]
    mark: list[str]
    hidden: int


class Hierarchy(NamedTuple):
    """What :func:`hierarchy` returns.

    Attributes:
        levels: The input graph, followed by one level per pooling.

    Example:
        >>> data = Data(edge_index=torch.tensor([[0, 1], [1, 0]]), num_nodes=2)
        >>> [len(level.color) for level in hierarchy(data, torch.ones(2, 1)).levels]
        [2, 1]
    """

    levels: list[Level]


def hierarchy(
    data: Data,
    out: Poolings,
    *,
    graph: int = 0,
    seed: int = 0,
    position: Tensor | None = None,
    colors: Mapping[int, str] | None = None,
    max_nodes: int = 10_000,
) -> Hierarchy:
    r"""Compute what a plot of one graph's hierarchy shows.

    Each node belongs to its most likely cluster. A cluster is in use if it is the most likely one
    of at least one node (on higher levels, of a cluster in use); all others are left out. Each
    cluster of the first pooling has its own colour, which its nodes share; a cluster of a later
    pooling has the colour of its heaviest member. The heaviest clusters get their colours first;
    from the eleventh cluster on, colours repeat with a different marker (see
    :func:`~pyg_diffpool.visualize.palette.cluster_marks`).

    Clusters are placed near the mean position of their members, and are then moved so that they
    do not overlap and that clusters that are pooled together stay together.

    Args:
        data: The graph or batch that was pooled. Edge weights are :obj:`edge_weight` if present,
            otherwise a one-dimensional floating point :obj:`edge_attr`, otherwise one.
        out: The output of the network: :class:`~pyg_diffpool.DiffPoolOutput`,
            :class:`~pyg_diffpool.PooledGraph` or a sequence of these; or assignments
            :math:`(N, K)`, then :math:`(K, K')` or :math:`(B, K, K')`, and so on, from which the
            coarsened adjacencies are computed.
        graph: Index of the graph in the batch. (default: :obj:`0`)
        seed: Seed of the layout: equal arguments give equal positions. (default: :obj:`0`)
        position: Positions of the graph's nodes :math:`(n, 2)`, for example from another plot.
            (default: :obj:`None`, see :func:`~pyg_diffpool.visualize.layout.graph_layout`)
        colors: Custom colours of the first pooling's clusters, by index, for example to use the
            same ones in several plots. (default: :obj:`None`)
        max_nodes: Largest number of nodes to accept. (default: :obj:`10000`)

    Raises:
        ImportError: If NetworkX or SciPy is not installed.
        TypeError: If an argument has an unexpected type.
        ValueError: If there is no such graph or no pooling, sizes do not match, assignments are
            not probabilities, or the graph is too large.

    Example:
        >>> data = Data(edge_index=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]), num_nodes=3)
        >>> s = torch.tensor([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0], [0.1, 0.9, 0.0]])
        >>> nodes, clusters = hierarchy(data, s).levels
        >>> nodes.cluster.tolist(), nodes.color
        ([0, 0, 1], ['#1845fb', '#1845fb', '#ffa90e'])
        >>> clusters.index.tolist(), clusters.hidden
        ([0, 1], 1)
    """
    poolings = read_poolings(out)
    source = read_graph(data, graph, poolings)
    num_nodes = source.node.numel()
    if num_nodes > max_nodes:
        raise ValueError(
            f"data: graph {graph} has {num_nodes} nodes, of which a picture shows little; "
            f"max_nodes={num_nodes} draws it all the same"
        )
    own = poolings_of_graph(poolings, graph, source.node)
    levels = members(own)
    edges = [_edges_once(source.edge_index, source.edge_weight, num_nodes)]
    for adj, level in zip(_adjacencies(own, source), levels[1:], strict=True):
        edges.append(_dense_edges(adj[level.number][:, level.number]))
    places = _positions(position, edges[0][0], levels, seed)
    appearance = looks(levels, colors)
    memberships = [
        pooling.s[level.number][:, above.number]
        for pooling, level, above in zip(own, levels, levels[1:], strict=False)
    ]
    memberships.append(own[-1].s.new_zeros(levels[-1].number.numel(), 0))
    parts = zip(levels, edges, places, appearance, memberships, strict=True)
    return Hierarchy(
        [
            Level(
                position=place,
                edge=edge,
                weight=weight,
                mass=level.mass,
                cluster=level.cluster,
                membership=membership,
                index=level.number,
                color=look.color,
                mark=look.mark,
                hidden=level.hidden,
            )
            for level, (edge, weight), place, look, membership in parts
        ]
    )


def _adjacencies(own: Sequence[Pooling], source: InputGraph) -> list[Tensor]:
    """Return the coarsened adjacencies; those that were not given are computed."""
    found: list[Tensor] = []
    for s, adj, _ in own:
        if adj is None and found:
            adj = s.t() @ found[-1] @ s
        elif adj is None:
            ones = s.new_ones(s.size(0), 1)
            adj = coarsen(ones, s, source.edge_index, source.edge_weight).adj[0]
        found.append(adj)
    return found


def _edges_once(edge_index: Tensor, weight: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """Return each undirected edge once, with half the sum of its weights, without self-loops."""
    ends = edge_index.sort(0).values
    apart = ends[0] != ends[1]
    edge, weight = coalesce(ends[:, apart], weight[apart] / 2, num_nodes)
    return edge[:, weight != 0], weight[weight != 0]


def _dense_edges(adj: Tensor) -> tuple[Tensor, Tensor]:
    mean = ((adj + adj.t()) / 2).triu(1)
    edge = mean.nonzero().t()
    return edge, mean[edge[0], edge[1]]


def _positions(
    position: Tensor | None, edge: Tensor, levels: Sequence[Members], seed: int
) -> list[Tensor]:
    num_nodes = levels[0].number.numel()
    if position is None:
        place = graph_layout(num_nodes, edge.numpy(), levels[0].cluster.numpy(), seed)
    elif not isinstance(position, Tensor):
        raise TypeError(f"position: expected a tensor, got {type(position).__name__}")
    elif tuple(position.shape) != (num_nodes, 2) or not bool(torch.isfinite(position).all()):
        raise ValueError(
            f"position: expected finite numbers of shape ({num_nodes}, 2), "
            f"got shape {tuple(position.shape)}"
        )
    else:
        place = position.detach().cpu().double().numpy()
    middles = [place]
    for level in levels[:-1]:
        middles.append(_middles(middles[-1], level.mass.numpy(), level.cluster.numpy()))
    groups = [level.cluster.numpy() for level in levels[1:]]
    nested = nested_positions(middles[1:], groups, levels[1].mass.numpy(), seed)
    return [torch.from_numpy(fitted(found)) for found in (place, *nested)]


def _middles(place: Array, mass: Array, cluster: Array) -> Array:
    """Return the mean position of each cluster's members."""
    weight = np.maximum(mass, 1e-6)
    total = np.bincount(cluster, weight)
    return np.stack([np.bincount(cluster, weight * along) / total for along in place.T], 1)
