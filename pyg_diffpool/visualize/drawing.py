"""One level of a hierarchy on Matplotlib axes: hulls, edges, nodes, numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from pyg_diffpool.visualize.hierarchy import Level
from pyg_diffpool.visualize.hulls import cluster_parts, padded_hull
from pyg_diffpool.visualize.layout import Array
from pyg_diffpool.visualize.palette import ink
from pyg_diffpool.visualize.requirements import require

Pieces: TypeAlias = Sequence[Sequence[tuple[float, str]]]

HULLS, EDGES, NODES, NUMBERS = 1.0, 2.0, 3.0, 4.0  # z-orders
HULL_OPACITY = 0.22
HULL_PADDING = 1.45  # padded radius around a node, relative to the node's radius
OUTLINE, EDGE, TEXT = "#333333", "#808080", "#222222"
HOLE = 0.45  # radius of the hole of a ring, relative to the ring's radius


def node_radii(level: Level, clusters: bool) -> Array:
    """Return the radius of each node. The area of a cluster is proportional to its mass.

    Args:
        level: The level.
        clusters: Whether the nodes are clusters.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Data
        >>> from pyg_diffpool.visualize import hierarchy
        >>> data = Data(edge_index=torch.tensor([[0, 1], [2, 2]]), num_nodes=3)
        >>> levels = hierarchy(data, torch.tensor([[1.0, 0], [1, 0], [0, 1]])).levels
        >>> large, small = node_radii(levels[1], clusters=True)
        >>> bool(large > small), len(set(node_radii(levels[0], clusters=False)))
        (True, 1)
    """
    position = level.position.numpy()
    count = len(position)
    nearest = np.full(count, np.inf)
    if count > 1:
        nearest = require("scipy.spatial").cKDTree(position).query(position, 2)[0][:, 1]
    if not clusters:
        # Many user-given positions may coincide, so that a minimum size is needed.
        common = max(0.42 * float(np.median(nearest)), 0.1 / np.sqrt(count))
        return np.full(count, min(0.07, common))
    mass = level.mass.clamp(min=0).numpy()
    radius = np.clip(np.sqrt(0.16 * mass / max(float(mass.sum()), 1e-12)), 0.06, 0.26)
    if count > 1:
        distance = np.linalg.norm(position[:, None] - position[None], axis=-1)
        np.fill_diagonal(distance, np.inf)
        radius *= min(1.0, float((0.85 * distance / (radius[:, None] + radius[None])).min()))
    return radius


def draw_hulls(
    axes: Any, level: Level, colors: Sequence[str], radius: Array, by_part: bool
) -> list[Array]:
    """Draw a hull around the nodes of each cluster, and return the polygons.

    Args:
        axes: Axes to draw on.
        level: The level.
        colors: Colours of the clusters.
        radius: Radii of the nodes.
        by_part: Whether to draw one hull per connected part of a cluster instead of one per
            cluster.
    """
    position, cluster = level.position.numpy(), level.cluster.numpy()
    edge = level.edge.numpy()
    if not by_part:
        first = np.unique(cluster, return_index=True)[1][cluster]
        edge = np.stack([np.arange(len(cluster)), first])
    parts = cluster_parts(edge, cluster)
    outlines = [padded_hull(position[part], HULL_PADDING * radius[part]) for part in parts]
    draw_outlines(axes, outlines, [colors[cluster[part[0]]] for part in parts])
    return outlines


def draw_outlines(axes: Any, outlines: Sequence[Array], colors: Sequence[str]) -> None:
    """Draw polygons with a translucent fill."""
    polygons = require("matplotlib.collections").PolyCollection
    fill = {"facecolors": colors, "edgecolors": "none", "alpha": HULL_OPACITY}
    line = {"facecolors": "none", "edgecolors": colors, "alpha": 0.8, "linewidths": 0.8}
    for style in (fill, line):
        axes.add_collection(polygons(outlines, zorder=HULLS, gid="hulls", **style))


def edge_widths(weight: Array, clusters: bool) -> Array:
    """Return line widths in points, proportional to the absolute weights, at least a hairline.

    Args:
        weight: Weights ``[E]``.
        clusters: Whether the edges connect clusters, whose weights differ more.

    Example:
        >>> edge_widths(np.array([4.0, 2.0, -1.0]), clusters=True).round(2).tolist()
        [6.36, 3.18, 1.59]
    """
    size = np.abs(weight)
    widest = 7 / (1 + len(size) / 30) if clusters else 1.2 if len(size) < 2000 else 0.4
    return np.maximum(widest * size / max(float(size.max(initial=0.0)), 1e-12), 0.15)


def draw_edges(axes: Any, level: Level, clusters: bool) -> None:
    """Draw each edge as a line whose width shows its weight."""
    weight = level.weight.numpy()
    lines = require("matplotlib.collections").LineCollection(
        level.position.numpy()[level.edge.t().numpy()],
        colors=EDGE,
        linewidths=edge_widths(weight, clusters),
        # Translucent lines: where hundreds of them overlap, dense regions appear darker.
        alpha=0.7 if len(weight) < 300 else 0.35,
        capstyle="round",
        zorder=EDGES,
        gid="edges",
    )
    axes.add_collection(lines)


def draw_nodes(axes: Any, level: Level, radius: Array, colors: Sequence[str]) -> None:
    """Draw each node with its marker and colour."""
    markers = require("matplotlib.markers")
    path = require("matplotlib.path").Path
    shapes = {}
    for mark in set(level.mark):
        style = markers.MarkerStyle(mark)
        shapes[mark] = style.get_path().transformed(style.get_transform())
    paths = [
        path(2 * size * shapes[mark].vertices + place, shapes[mark].codes)
        for mark, size, place in zip(level.mark, radius, level.position.numpy(), strict=True)
    ]
    # With thousands of small nodes, outlines would hide the fill.
    outline = 0.4 if len(paths) <= 500 else 0.0
    nodes = require("matplotlib.collections").PathCollection(
        paths,
        facecolors=colors,
        edgecolors=OUTLINE,
        linewidths=outline,
        zorder=NODES,
        gid="nodes",
    )
    axes.add_collection(nodes)


def draw_rings(axes: Any, level: Level, radius: Array, pieces: Pieces) -> None:
    """Draw each node as a ring of its members' colours on a light disc of its own colour."""
    patches = require("matplotlib.patches")
    position = level.position.numpy()
    discs = [
        padded_hull(place[None], HULL_PADDING * size)
        for place, size in zip(position, radius, strict=True)
    ]
    draw_outlines(axes, discs, level.color)
    for place, size, parts in zip(position, radius, pieces, strict=True):
        turn = 360 / max(sum(mass for mass, _ in parts), 1e-12)
        start = 90.0
        for mass, color in parts:
            end = start - turn * mass
            style = {"facecolor": color, "edgecolor": "white", "linewidth": 0.5}
            width = (1 - HOLE) * size
            wedge = patches.Wedge(place, size, end, start, width=width, zorder=NODES, **style)
            axes.add_patch(wedge)
            start = end
        hole = patches.Circle(place, HOLE * size, facecolor="white", zorder=NODES)
        axes.add_patch(hole)


def draw_numbers(
    axes: Any, level: Level, radius: Array, counts: Sequence[int], on_white: bool
) -> None:
    """Write the number of each cluster into it, and its node count below it."""
    effects = require("matplotlib.patheffects")
    rim = [effects.withStroke(linewidth=1.8, foreground="white")]
    style: dict[str, Any] = {"ha": "center", "zorder": NUMBERS, "clip_on": False}
    for row, (x, y) in enumerate(level.position.tolist()):
        color = TEXT if on_white else ink(level.color[row])
        number = str(int(level.index[row]))
        axes.text(x, y, number, color=color, va="center", weight="bold", fontsize=7.5, **style)
        below = y - radius[row] - 0.015
        text = f"n={counts[row]}"
        axes.text(
            x, below, text, color=TEXT, va="top", fontsize=6.5, path_effects=rim, **style
        )  # fmt: skip
