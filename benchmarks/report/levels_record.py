"""The levels of one graph as the page draws them: places, edges, clusters, memberships."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor
from torch_geometric.data import Batch

from pyg_diffpool.visualize.hierarchy import Level, hierarchy

Record = dict[str, Any]

LISTED = 8
"""Memberships of a node that the page lists; the others are told as one sum."""

FAINT = 0.01
"""Edges of coarse levels, where soft assignments join nearly all clusters, that are left out: those
lighter than this share of the heaviest."""

MOST_EDGES = 4000
"""Edges of an input graph that are drawn; of more, a browser draws so many that it stands still."""

_PLACE_DIGITS, _SHARE_DIGITS = 3, 4

SYMBOLS = {
    "o": "circle",
    "s": "square",
    "^": "triangle-up",
    "D": "diamond",
    "v": "triangle-down",
    "P": "cross",
    "X": "x",
    "*": "star",
}
"""Plotly's names of Matplotlib's markers."""


def graph_levels(
    batch: Batch, pooled: Sequence[Any], graph: int, position: Tensor | None = None
) -> tuple[list[Record], Tensor]:
    """Return the levels of one graph of a batch as JSON-ready values, and its nodes' places.

    Args:
        batch: The graphs that a network was called with.
        pooled: The levels that it returned.
        graph: The graph's number in the batch.
        position: Places of the graph's nodes, as of another network's picture. (default: computed)
    """
    levels = hierarchy(
        batch, list(pooled), graph=graph, position=position, max_nodes=int(batch.num_nodes or 0)
    ).levels
    first, *coarse = levels
    records = [
        {**level_record(first, thinned(first)), "part": connected_parts(first)},
        *(level_record(level, heavy(level)) for level in coarse),
    ]
    return records, first.position


def heavy(level: Level) -> Tensor:
    """Return which edges are not faint ones."""
    return level.weight >= FAINT * max(level.weight.tolist(), default=0.0)


def thinned(level: Level) -> Tensor:
    """Return which edges are drawn: all, or of too many some, drawn by lot."""
    number = level.weight.numel()
    lot = torch.randperm(number, generator=torch.Generator().manual_seed(0))
    return lot < MOST_EDGES


def connected_parts(level: Level) -> list[int]:
    """Return in which part of its cluster each node is: the parts that the level's edges join."""
    source, target = level.edge[:, level.cluster[level.edge[0]] == level.cluster[level.edge[1]]]
    size = level.cluster.numel()
    within = coo_array((np.ones(source.numel()), (source, target)), shape=(size, size))
    parts: list[int] = connected_components(within, directed=False)[1].tolist()
    return parts


def level_record(level: Level, kept: Tensor) -> Record:
    """Return one level as JSON-ready values, with few digits since a page holds many.

    Args:
        level: The level.
        kept: The edges that are drawn.
    """
    x, y = level.position.t().tolist()
    return {
        "edges": level.weight.numel(),
        "x": _rounded(x, _PLACE_DIGITS),
        "y": _rounded(y, _PLACE_DIGITS),
        "edge": level.edge[:, kept].tolist(),
        "weight": _rounded(level.weight[kept].tolist(), _SHARE_DIGITS),
        "mass": _rounded(level.mass.tolist(), _SHARE_DIGITS),
        "cluster": level.cluster.tolist(),
        "index": level.index.tolist(),
        "color": list(level.color),
        "symbol": [SYMBOLS[mark] for mark in level.mark],
        "membership": [_listed(row) for row in level.membership],
        "hidden": level.hidden,
    }


def _listed(probabilities: Tensor) -> list[tuple[int, float]]:
    """Return a node's likeliest clusters with their probabilities, by their rows of the next level.

    Those that round to nothing are left out.
    """
    values, clusters = probabilities.sort(descending=True, stable=True)
    pairs = zip(clusters[:LISTED].tolist(), values[:LISTED].tolist(), strict=True)
    listed = [(cluster, round(value, _SHARE_DIGITS)) for cluster, value in pairs]
    return [(cluster, value) for cluster, value in listed if value > 0]


def _rounded(values: list[float], digits: int) -> list[float]:
    return [round(value, digits) for value in values]
