"""Outlines of clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyg_diffpool.visualize.requirements import require

Array = NDArray[Any]

CIRCLE_POINTS = 48


def cluster_parts(edge: Array, cluster: Array) -> list[Array]:
    """Return the nodes of each connected part of each cluster, in order of the clusters.

    Args:
        edge: Edges ``[2, E]``.
        cluster: Cluster of each node ``[n]``; nodes with a negative cluster are left out.

    Example:
        >>> [part.tolist() for part in cluster_parts(np.array([[0], [1]]), np.array([0, 0, 0]))]
        [[0, 1], [2]]
    """
    sparse = require("scipy.sparse")
    csgraph = require("scipy.sparse.csgraph")
    num_nodes = len(cluster)
    within = edge[:, cluster[edge[0]] == cluster[edge[1]]]
    ones = np.ones(within.shape[1])
    joined = sparse.csr_array((ones, (within[0], within[1])), shape=(num_nodes, num_nodes))
    count, part = csgraph.connected_components(joined, directed=False)
    order = np.argsort(part, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(part, minlength=count))[:-1])
    shown = [nodes for nodes in parts if cluster[nodes[0]] >= 0]
    return sorted(shown, key=lambda nodes: (int(cluster[nodes[0]]), int(nodes[0])))


def padded_hull(points: Array, padding: float | Array) -> Array:
    """Return the convex hull of circles around points as the vertices of a polygon ``[m, 2]``.

    Args:
        points: Centres ``[n, 2]``, at least one.
        padding: Radius of each circle, greater than 0.

    Example:
        >>> np.ptp(padded_hull(np.zeros((1, 2)), 0.5), axis=0).round(1)
        array([1., 1.])
    """
    angle = np.arange(CIRCLE_POINTS) * 2 * np.pi / CIRCLE_POINTS
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    # The polygon's sides, not only its vertices, must lie outside the circle.
    radius = np.broadcast_to(padding, len(points)) / np.cos(np.pi / CIRCLE_POINTS)
    rim: Array = (points[:, None] + radius[:, None, None] * circle).reshape(-1, 2)
    if len(points) == 1:
        return rim
    hull = require("scipy.spatial").ConvexHull(rim)
    corners: Array = rim[hull.vertices]
    return corners
