"""Receptive fields of PATCHY-SAN: which nodes a convolution sees, and in which order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import Settings

PREPARED_BY = ("field_size", "num_fields")

Neighbours = Sequence[Sequence[int]]


def prepare(data: Data, settings: Settings) -> dict[str, Tensor]:
    """Return the fields of a graph.

    ``field_index`` ``[w·k]``: the node in each place of each field, 0 where there is none;
    ``field_mask`` ``[1, w, k]``: where there is one.
    """
    if settings.num_fields is None:
        raise UsageError(
            "setting num_fields: expected a number, since a graph's fields are prepared without a "
            "look at other graphs; PATCHY-SAN takes the mean number of nodes"
        )
    neighbours = undirected_neighbours(data.edge_index, int(data.num_nodes or 0))
    order = canonical_order(neighbours, data.x)
    index, mask = receptive_fields(neighbours, order, settings.num_fields, settings.field_size)
    return {"field_index": index.flatten(), "field_mask": mask.unsqueeze(0)}


def undirected_neighbours(edge_index: Tensor, num_nodes: int) -> list[list[int]]:
    """Return each node's neighbours, without directions, copies and self-loops."""
    neighbours: list[set[int]] = [set() for _ in range(num_nodes)]
    for source, target in edge_index.t().tolist():
        if source != target:
            neighbours[source].add(target)
            neighbours[target].add(source)
    return [sorted(nodes) for nodes in neighbours]


def canonical_order(neighbours: Neighbours, x: Tensor | None = None) -> list[int]:
    """Order the nodes by what they are in the graph, not by their numbers.

    Colour refinement (1-dimensional Weisfeiler-Lehman) with ordered colours, highest degrees first,
    is the labelling of the paper's experiments. Ties are refined by the rows of ``x``, then broken
    among twins (nodes of the same neighbours, which are interchangeable), then by singling out one
    node of the first tied colour and refining again. The last step alone goes by a node's number,
    and makes a difference only where nodes of one colour are no images of each other under an
    automorphism (in regular graphs without features, say), which the paper leaves to NAUTY.
    """
    count = len(neighbours)
    colour = _refined(_ranked([-len(nodes) for nodes in neighbours]), neighbours)
    if x is not None:
        rows = _ranked([tuple(row) for row in x.tolist()])
        colour = _refined(_ranked(list(zip(colour, rows, strict=True))), neighbours)
    twins = _places_among_twins(colour, neighbours)
    colour = _refined(_ranked(list(zip(colour, twins, strict=True))), neighbours)
    while count > 0 and max(colour) + 1 < count:
        tied = min(value for value, nodes in Counter(colour).items() if nodes > 1)
        single = colour.index(tied)
        keys = [(value, node != single) for node, value in enumerate(colour)]
        colour = _refined(_ranked(keys), neighbours)
    return sorted(range(count), key=colour.__getitem__)


def receptive_fields(
    neighbours: Neighbours, order: Sequence[int], num_fields: int, field_size: int
) -> tuple[Tensor, Tensor]:
    """Return the fields of the first nodes, ``[w, k]``, and where they have a node, ``[w, k]``.

    A field holds its root and the nodes nearest to it, by distance and then by ``order``
    (Algorithms 1 to 4 of the paper, stride 1).
    """
    place = {node: number for number, node in enumerate(order)}
    index = torch.zeros(num_fields, field_size, dtype=torch.long)
    mask = torch.zeros(num_fields, field_size, dtype=torch.bool)
    for row, root in enumerate(order[:num_fields]):
        field, ring, seen = [root], [root], {root}
        while ring and len(field) < field_size:
            found = {near for node in ring for near in neighbours[node]} - seen
            ring = sorted(found, key=place.__getitem__)
            field += ring
            seen |= found
        field = field[:field_size]
        index[row, : len(field)] = torch.tensor(field)
        mask[row, : len(field)] = True
    return index, mask


def _ranked(keys: Sequence[Any]) -> list[int]:
    """Return the place of each key among the different ones, in ascending order."""
    places = {key: place for place, key in enumerate(sorted(set(keys)))}
    return [places[key] for key in keys]


def _refined(colour: list[int], neighbours: Neighbours) -> list[int]:
    """Split colours by the colours of neighbours until none splits; their order is kept."""
    while True:
        keys = [
            (own, tuple(sorted([colour[node] for node in nodes])))
            for own, nodes in zip(colour, neighbours, strict=True)
        ]
        finer = _ranked(keys)
        if max(finer, default=0) == max(colour, default=0):
            return colour
        colour = finer


def _places_among_twins(colour: list[int], neighbours: Neighbours) -> list[int]:
    """Number the nodes of one colour that have the same neighbours, themselves aside."""
    apart = [tuple(nodes) for nodes in neighbours]
    joined = [tuple(sorted([*nodes, node])) for node, nodes in enumerate(neighbours)]
    shared = Counter(joined)
    seen: defaultdict[Hashable, int] = defaultdict(int)
    places = []
    for node, value in enumerate(colour):
        # A node cannot have twins of both kinds.
        adjacent = shared[joined[node]] > 1
        key = (value, adjacent, joined[node] if adjacent else apart[node])
        places.append(seen[key])
        seen[key] += 1
    return places
