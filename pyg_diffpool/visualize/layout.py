"""Positions of nodes: a deterministic layout that shows a graph's dense regions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyg_diffpool.visualize.requirements import require

Array = NDArray[Any]

# Minimising Kamada and Kawai's stress takes half a second for 250 nodes, ten seconds for 900.
STRESS_NODES = 400
PIVOTS = 50
# An edge between nodes with the same neighbours is shorter by this fraction than one between nodes
# that share none: in a union of cliques all nodes are one or two hops apart, so that hop counts
# alone say little.
SHARED_NEIGHBOURS = 0.6
WITHIN_CLUSTER = 0.75  # length of an edge within a cluster, relative to one between clusters
JITTER = 0.15  # separates nodes with equal distances; in edge lengths
GAP = 1.0  # between connected components, in edge lengths


def graph_layout(num_nodes: int, edge: Array, cluster: Array, seed: int = 0) -> Array:
    r"""Compute node positions.

    Each connected component is laid out by its shortest path lengths: Kamada and Kawai's stress
    (NetworkX) for up to 400 nodes, PivotMDS (Brandes and Pich, 2006) above, in time
    :math:`O(|\mathcal{E}| \log n)`. Edges are shortened if their end points share neighbours, and
    slightly if they share a cluster. Components are arranged side by side in rows.

    Args:
        num_nodes: Number of nodes :math:`n`.
        edge: Each undirected edge once, without self-loops, :math:`(2, |\mathcal{E}|)`.
        cluster: Cluster of each node :math:`(n)`.
        seed: Seed of the jitter that separates nodes with equal distances. (default: :obj:`0`)

    Returns:
        Positions :math:`(n, 2)` in :math:`[-1, 1]^2`, with the longer side along the first axis.

    Raises:
        ImportError: If NetworkX or SciPy is not installed.

    Example:
        >>> np.ptp(graph_layout(2, np.array([[0], [1]]), np.array([0, 0])), axis=0).round(2)
        array([2., 0.])
    """
    sparse = require("scipy.sparse")
    csgraph = require("scipy.sparse.csgraph")
    length = _lengths(num_nodes, edge, cluster)
    matrix = sparse.csr_array((length, (edge[0], edge[1])), shape=(num_nodes, num_nodes))
    count, component = csgraph.connected_components(matrix, directed=False)
    order = np.argsort(component, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(component, minlength=count))[:-1])
    rng = np.random.default_rng(seed)
    places = [
        _component_layout(matrix[part][:, part], rng) if len(part) > 1 else np.zeros((1, 2))
        for part in parts
    ]
    position = np.empty((num_nodes, 2))
    for part, place in zip(parts, _side_by_side(places), strict=True):
        position[part] = place
    return fitted(position)


def _lengths(num_nodes: int, edge: Array, cluster: Array) -> Array:
    sparse = require("scipy.sparse")
    ones = np.ones(edge.shape[1])
    upper = sparse.csr_array((ones, (edge[0], edge[1])), shape=(num_nodes, num_nodes))
    closed = (upper + upper.T + sparse.eye_array(num_nodes)).tocsr()
    degree = np.asarray(closed.sum(1)).ravel()
    common = np.asarray(closed[edge[0]].multiply(closed[edge[1]]).sum(1)).ravel()
    jaccard = common / (degree[edge[0]] + degree[edge[1]] - common)
    within = cluster[edge[0]] == cluster[edge[1]]
    length: Array = (1 - SHARED_NEIGHBOURS * jaccard) * np.where(within, WITHIN_CLUSTER, 1.0)
    return length


def _component_layout(matrix: Any, rng: np.random.Generator) -> Array:
    """Lay out a connected graph by its edge lengths, scaled to a mean edge length of one."""
    num_nodes = matrix.shape[0]
    place = _pivot_mds(matrix)
    source, target = matrix.nonzero()
    edges = np.linalg.norm(place[source] - place[target], axis=1)
    place += JITTER * edges.mean() * rng.standard_normal(place.shape)
    if num_nodes <= STRESS_NODES:
        place = _stress(matrix, place)
    place = _upright(place)
    place /= np.linalg.norm(place[source] - place[target], axis=1).mean()
    return place


def _pivot_mds(matrix: Any) -> Array:
    dijkstra = require("scipy.sparse.csgraph").dijkstra
    num_nodes, pivot = matrix.shape[0], 0
    columns: list[Array] = []
    nearest = np.full(num_nodes, np.inf)
    for _ in range(min(PIVOTS, num_nodes)):
        columns.append(dijkstra(matrix, directed=False, indices=pivot))
        nearest = np.minimum(nearest, columns[-1])
        pivot = int(nearest.argmax())
    squared = np.stack(columns, 1) ** 2
    centred = squared.mean(0) + squared.mean(1, keepdims=True) - squared - squared.mean()
    values, vectors = np.linalg.eigh(centred.T @ centred)
    place: Array = centred @ vectors[:, -2:] / np.maximum(values[-2:], 1e-12) ** 0.25
    return place if place.shape[1] == 2 else np.pad(place, ((0, 0), (0, 1)))


def _stress(matrix: Any, place: Array) -> Array:
    networkx = require("networkx")
    lengths = require("scipy.sparse.csgraph").dijkstra(matrix, directed=False).tolist()
    distance = {node: dict(enumerate(row)) for node, row in enumerate(lengths)}
    graph = networkx.path_graph(len(place))
    found = networkx.kamada_kawai_layout(graph, dist=distance, pos=dict(enumerate(place)))
    return np.stack([found[node] for node in range(len(place))])


def _upright(place: Array) -> Array:
    """Rotate the longest extent onto the first axis, and fix the signs of both axes."""
    place = place - place.mean(0)
    axes = np.linalg.svd(place, full_matrices=False)[2]
    turned: Array = place @ axes.T
    extreme = np.abs(turned).argmax(0)
    turned *= np.where(turned[extreme, [0, 1]] < 0, -1.0, 1.0)
    return turned


def _side_by_side(places: list[Array]) -> list[Array]:
    """Arrange components in rows of about equal width, largest first."""
    sizes = np.stack([np.ptp(place, axis=0) + GAP for place in places])
    width = max(1.3 * np.sqrt(sizes.prod(1).sum()), sizes[:, 0].max())
    moved: list[Array] = list(places)
    x = y = height = 0.0
    for part in sorted(range(len(places)), key=lambda part: (-len(places[part]), part)):
        if x > 0 and x + sizes[part, 0] > width:
            x, y, height = 0.0, y - height, 0.0
        middle = (places[part].max(0) + places[part].min(0)) / 2
        centre = np.array([x + sizes[part, 0] / 2, y - sizes[part, 1] / 2])
        moved[part] = places[part] - middle + centre
        x, height = x + sizes[part, 0], max(height, sizes[part, 1])
    return moved


def fitted(position: Array) -> Array:
    """Translate and scale positions into the square from -1 to 1, keeping the aspect ratio.

    Args:
        position: Positions ``[n, 2]``.

    Example:
        >>> fitted(np.array([[0.0, 0.0], [4.0, 2.0]])).tolist()
        [[-1.0, -0.5], [1.0, 0.5]]
    """
    low, high = position.min(0), position.max(0)
    half = max(float((high - low).max()) / 2, 1e-9)
    inside: Array = (position - (low + high) / 2) / half
    return inside
