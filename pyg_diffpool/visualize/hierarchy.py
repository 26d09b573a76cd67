"""A graph's learned hierarchy as plain tensors: what the pictures show, without Matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import coalesce

from pyg_diffpool.visualize.input_graph import read_graph
from pyg_diffpool.visualize.layout import Array, fitted, graph_layout
from pyg_diffpool.visualize.packing import nested_positions
from pyg_diffpool.visualize.palette import cluster_colors, cluster_marks
from pyg_diffpool.visualize.poolings import Pooling, Poolings, poolings_of_graph, read_poolings


@dataclass(frozen=True)
class Level:
    r"""One level of a :class:`Hierarchy`: the input graph, or the clusters in use, as a graph.

    Attributes:
        position: Where nodes are drawn, within :math:`[-1, 1]^2`, :math:`(n, 2)`.
        edge: Each undirected edge once, without self-loops, :math:`(2, |\mathcal{E}|)`.
        weight: :math:`(A_{uv} + A_{vu}) / 2` of each edge, :math:`(|\mathcal{E}|)`.
        mass: How many of the input's nodes a node stands for (softly), :math:`(n)`.
        cluster: Cluster of each node, the likeliest: its row on the next level; -1 on the last.
        membership: Probabilities of the next level's clusters in use, :math:`(n, K)`; what is
            missing to one went to others. :math:`(n, 0)` on the last level.
        index: Number of each node in the input graph, or of each cluster in its assignment.
        color: Colour of each node as :obj:`"#rrggbb"`, see :func:`hierarchy`.
        mark: Matplotlib's marker of each node, likewise.
        hidden: Number of clusters left out: those that are nobody's likeliest.
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
        levels: The input graph, then one level for each pooling.
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
    r"""Work out what a picture of one graph's hierarchy shows.

    Each node belongs to its likeliest cluster. A cluster is in use if it is the likeliest one of
    some node (of some cluster in use, on higher levels); the others are left out. A cluster of the
    first pooling has a colour of its own, and its nodes bear it; a cluster of a later pooling has
    that of its heaviest member. Colours are dealt to the heaviest clusters first; from the
    eleventh cluster on they come again, with another mark (see
    :func:`~pyg_diffpool.visualize.palette.cluster_marks`).

    Clusters stand about where their members do, moved so that no two lie on each other and that
    clusters of one cluster stand together.

    Args:
        data: The graph or batch that was pooled. Weights of its edges are :obj:`edge_weight`, or
            else an :obj:`edge_attr` of one dimension and floating point dtype, or else one.
        out: What the network returned: :class:`~pyg_diffpool.DiffPoolOutput`,
            :class:`~pyg_diffpool.PooledGraph` or a sequence of these; or assignments
            :math:`(N, K)`, then :math:`(K, K')` or :math:`(B, K, K')`, and so on, of which the
            coarse adjacencies are computed.
        graph: Number of the graph in the batch. (default: :obj:`0`)
        seed: Of the layout: equal arguments, equal positions. (default: :obj:`0`)
        position: Own positions of the graph's nodes :math:`(n, 2)`, as of another picture.
            (default: :obj:`None`, see :func:`~pyg_diffpool.visualize.layout.graph_layout`)
        colors: Own colours of the first pooling's clusters, by number, to have the same ones in
            several pictures. (default: :obj:`None`)
        max_nodes: Largest graph to take. (default: :obj:`10000`)

    Raises:
        ImportError: If NetworkX or SciPy is not installed.
        TypeError: If an argument is of another type.
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
    first = poolings[0].s
    source = read_graph(data, graph, num_nodes=first.size(0) if first.dim() == 2 else None)
    num_nodes = source.node.numel()
    if num_nodes > max_nodes:
        raise ValueError(
            f"data: graph {graph} has {num_nodes} nodes, of which a picture shows little: raise "
            f"max_nodes={max_nodes} to draw it all the same"
        )
    own = poolings_of_graph(poolings, graph, source)
    members = _members(own, num_nodes)
    masses = [source.edge_weight.new_ones(num_nodes)]
    for pooling in own:
        masses.append(pooling.s.t() @ masses[-1])
    shown = [mass[index] for mass, (index, _) in zip(masses, members, strict=True)]
    edges = [_edges_once(source.edge_index, source.edge_weight, num_nodes)]
    edges += [
        _dense_edges(pooling, index) for pooling, (index, _) in zip(own, members[1:], strict=True)
    ]
    places = _positions(position, edges[0][0], shown, members, seed)
    looks = _looks(shown, members, colors)
    levels = []
    for number, (index, cluster) in enumerate(members):
        last = number == len(own)
        columns = members[number + 1][0] if not last else index[:0]
        membership = own[number].s[index][:, columns] if not last else masses[0].new_zeros(0)
        available = num_nodes if number == 0 else int(own[number - 1].available.sum())
        color, mark = looks[number]
        levels.append(
            Level(
                position=places[number],
                edge=edges[number][0],
                weight=edges[number][1],
                mass=shown[number],
                cluster=cluster,
                membership=membership.view(index.numel(), columns.numel()),
                index=index,
                color=color,
                mark=mark,
                hidden=available - index.numel(),
            )
        )
    return Hierarchy(levels)


def _members(own: Sequence[Pooling], num_nodes: int) -> list[tuple[Tensor, Tensor]]:
    """Return each level's nodes in use, and for each the row of its cluster on the next level."""
    index = torch.arange(num_nodes)
    members = []
    for pooling in own:
        likelihood = pooling.s[index].masked_fill(~pooling.available, -1.0)
        used, cluster = torch.unique(likelihood.argmax(1), return_inverse=True)
        members.append((index, cluster))
        index = used
    members.append((index, torch.full_like(index, -1)))
    return members


def _edges_once(edge_index: Tensor, weight: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """Return each undirected edge once, with half the sum of all weights, loops left out."""
    ends = edge_index.sort(0).values
    apart = ends[0] != ends[1]
    edge, weight = coalesce(ends[:, apart], weight[apart] / 2, num_nodes)
    return edge[:, weight != 0], weight[weight != 0]


def _dense_edges(pooling: Pooling, index: Tensor) -> tuple[Tensor, Tensor]:
    assert pooling.adj is not None
    adj = pooling.adj[index][:, index]
    edge = (adj + adj.t()).triu(1).nonzero().t()
    return edge, (adj[edge[0], edge[1]] + adj[edge[1], edge[0]]) / 2


def _positions(
    position: Tensor | None,
    edge: Tensor,
    masses: Sequence[Tensor],
    members: Sequence[tuple[Tensor, Tensor]],
    seed: int,
) -> list[Tensor]:
    num_nodes = masses[0].numel()
    if position is None:
        place = graph_layout(num_nodes, edge.numpy(), members[0][1].numpy(), seed)
    elif tuple(position.shape) != (num_nodes, 2) or not bool(torch.isfinite(position).all()):
        raise ValueError(
            f"position: expected finite numbers of shape ({num_nodes}, 2), "
            f"got shape {tuple(position.shape)}"
        )
    else:
        place = fitted(position.detach().cpu().double().numpy())
    middles = [place]
    for mass, (_, cluster) in zip(masses, members[:-1], strict=False):
        middles.append(_middles(middles[-1], mass.numpy(), cluster.numpy()))
    groups = [cluster.numpy() for _, cluster in members[1:]]
    nested = nested_positions(middles[1:], groups, masses[1].numpy(), seed)
    return [torch.from_numpy(fitted(found)) for found in (place, *nested)]


def _middles(place: Array, mass: Array, cluster: Array) -> Array:
    """Return the mean place of each cluster's members."""
    weight = np.maximum(mass, 1e-6)
    total = np.bincount(cluster, weight)
    return np.stack([np.bincount(cluster, weight * along) / total for along in place.T], 1)


def _looks(
    masses: Sequence[Tensor],
    members: Sequence[tuple[Tensor, Tensor]],
    colors: Mapping[int, str] | None,
) -> list[tuple[list[str], list[str]]]:
    """Return colours and marks of each level."""
    order = masses[1].argsort(descending=True, stable=True)
    numbers = members[1][0][order].tolist()
    dealt = cluster_colors(numbers, colors)
    back = order.argsort().tolist()
    marks = cluster_marks(dealt)
    looks = [([dealt[rank] for rank in back], [marks[rank] for rank in back])]
    for level in range(2, len(members)):
        cluster, mass = members[level - 1][1], masses[level - 1]
        heaviest = [
            max((cluster == row).nonzero().flatten().tolist(), key=mass.tolist().__getitem__)
            for row in range(masses[level].numel())
        ]
        color, mark = looks[-1]
        looks.append(([color[row] for row in heaviest], [mark[row] for row in heaviest]))
    color, mark = looks[0]
    rows = members[0][1].tolist()
    return [([color[row] for row in rows], [mark[row] for row in rows]), *looks]
