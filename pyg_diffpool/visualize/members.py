"""Which clusters are in use, their members, and their appearance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.visualize.palette import cluster_colors, cluster_marks
from pyg_diffpool.visualize.poolings import Pooling


class Members(NamedTuple):
    """The nodes of one level that are in use.

    Attributes:
        number: Index of each node in the graph, or of each cluster in its assignment, ``[n]``.
        cluster: Row of each node's cluster among the next level's nodes in use ``[n]``; -1 on the
            last level.
        mass: Soft number of input nodes that each node represents ``[n]``.
        hidden: Number of clusters that are not in use.
    """

    number: Tensor
    cluster: Tensor
    mass: Tensor
    hidden: int


class Look(NamedTuple):
    """Colours and markers of one level's nodes."""

    color: list[str]
    mark: list[str]


def members(poolings: Sequence[Pooling]) -> list[Members]:
    """Return the nodes in use on each level.

    On level 0 these are all nodes of the graph, on later levels the clusters that are the most
    likely one of some node in use.

    Args:
        poolings: Poolings of one graph.

    Example:
        >>> available = torch.ones(3, dtype=torch.bool)
        >>> s = torch.tensor([[0.5, 0.0, 0.5], [0.2, 0.0, 0.8]])
        >>> nodes, clusters = members([Pooling(s, None, available)])
        >>> nodes.cluster.tolist(), clusters.number.tolist(), clusters.hidden
        ([0, 1], [0, 2], 1)
    """
    number = torch.arange(poolings[0].s.size(0))
    mass, hidden = poolings[0].s.new_ones(number.numel()), 0
    levels = []
    for s, _, available in poolings:
        likelihood = s[number].masked_fill(~available, -1.0)
        used, cluster = torch.unique(likelihood.argmax(1), return_inverse=True)
        levels.append(Members(number, cluster, mass[number], hidden))
        number, mass, hidden = used, s.t() @ mass, int(available.sum()) - used.numel()
    levels.append(Members(number, torch.full_like(number, -1), mass[number], hidden))
    return levels


def looks(levels: Sequence[Members], own: Mapping[int, str] | None = None) -> list[Look]:
    """Return colours and markers of each level, consistent from one level to the next.

    Each cluster of the first pooling has its own colour and marker, which its nodes share; a
    cluster of a later pooling takes those of its heaviest member.

    Args:
        levels: See :func:`members`.
        own: Custom colours of the first pooling's clusters, by index. (default: :obj:`None`)

    Example:
        >>> s = torch.tensor([[0.1, 0.9], [0.2, 0.8], [0.9, 0.1]])
        >>> both = members([Pooling(s, None, torch.ones(2, dtype=torch.bool))])
        >>> [look.color for look in looks(both)]
        [['#1845fb', '#1845fb', '#ffa90e'], ['#ffa90e', '#1845fb']]
    """
    first = levels[1]
    order = first.mass.argsort(descending=True, stable=True)
    color = cluster_colors(first.number[order].tolist(), own)
    mark = cluster_marks(color)
    found = [_taken(Look(color, mark), order.argsort().tolist())]
    for level in levels[1:-1]:
        heaviest: dict[int, int] = {}
        for row in level.mass.argsort(descending=True, stable=True).tolist():
            heaviest.setdefault(int(level.cluster[row]), row)
        found.append(_taken(found[-1], [heaviest[row] for row in sorted(heaviest)]))
    return [_taken(found[0], levels[0].cluster.tolist()), *found]


def _taken(look: Look, rows: Sequence[int]) -> Look:
    return Look([look.color[row] for row in rows], [look.mark[row] for row in rows])
