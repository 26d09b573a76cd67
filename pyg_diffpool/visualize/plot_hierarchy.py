"""All levels of a hierarchy side by side, as in the paper's Figure 2, for any graph."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data

from pyg_diffpool.visualize.drawing import (
    Pieces,
    draw_edges,
    draw_hulls,
    draw_nodes,
    draw_numbers,
    draw_rings,
    node_radii,
)
from pyg_diffpool.visualize.figures import axes_for
from pyg_diffpool.visualize.hierarchy import Level, hierarchy
from pyg_diffpool.visualize.palette import paled
from pyg_diffpool.visualize.poolings import Poolings

PANEL = 4.0  # inches
INPUT_PANEL = 1.35  # width of the input graph's panel, relative to the others
MARGIN = 0.2  # around positions, which are within a square of side 2
LEAST_VIEW = (1.8, 1.0)  # minimum width and height that a panel shows
TEXT_HEIGHT = 1.0  # inches for title and caption
SURE = 0.9  # if all probabilities reach this, the caption does not explain pale colours
NUMBERED = 40  # maximum number of clusters that are labelled


def plot_hierarchy(
    data: Data,
    out: Poolings,
    *,
    graph: int = 0,
    axes: Any = None,
    numbers: bool = True,
    captions: bool = True,
    seed: int = 0,
    position: Tensor | None = None,
    colors: Mapping[int, str] | None = None,
    max_nodes: int = 10_000,
) -> NDArray[Any]:
    r"""Draw the levels of a graph's learned hierarchy side by side, as in the paper's Figure 2.

    See `"Hierarchical Graph Representation Learning with Differentiable Pooling"
    <https://arxiv.org/abs/1806.08804>`_. Colours are consistent across the levels:

    - **Level 0** is the input graph. A node has the colour of its most likely cluster (the less
      likely the cluster, the paler the colour), and a hull of that colour surrounds each connected
      part of the cluster.
    - **Level 1** has these clusters as nodes, in the same colours. Their areas show the mass
      :math:`\sum_i S_{ik}`, and the widths of the lines show the entries of
      :math:`\mathbf{S}^{\top} \mathbf{A} \mathbf{S}` (the diagonal is not drawn). Hulls surround
      the clusters that are pooled together.
    - **Later levels** show each cluster as a ring of the colours of its level-1 clusters, on a disc
      in the colour of its hull on the previous level.

    Clusters that are not the most likely cluster of any node are left out; titles show how many
    clusters there are in total. The ten heaviest clusters have colours that remain distinguishable
    with colour blindness; from the eleventh on, colours repeat with a different marker: square,
    triangle, and so on. Clusters are labelled with their index and the number of input nodes that
    they hold if a level has at most 40 of them.

    Args:
        data: The graph or batch that was pooled, see :func:`hierarchy`.
        out: The output of the network, or assignments, see :func:`hierarchy`.
        graph: Index of the graph in the batch. (default: :obj:`0`)
        axes: Matplotlib axes to draw on, one per level. (default: :obj:`None`, those of a new
            figure, which is :obj:`axes[0].figure` of the returned array)
        numbers: Whether to label clusters with their index and size. (default: :obj:`True`)
        captions: Whether to write a legend below each level. (default: :obj:`True`)
        seed: Seed of the layout: equal arguments give equal plots. (default: :obj:`0`)
        position: Positions of the graph's nodes, see :func:`hierarchy`. (default: :obj:`None`)
        colors: Custom colours of the first pooling's clusters, by index. (default: :obj:`None`)
        max_nodes: Largest number of nodes to draw. (default: :obj:`10000`)

    Returns:
        Array of the axes, one per level.

    Raises:
        ImportError: If Matplotlib, NetworkX or SciPy is not installed
            (:obj:`pip install "pyg-diffpool[visualize]"`).
        TypeError: If an argument has an unexpected type.
        ValueError: As :func:`hierarchy`, or if the number of axes differs from the number of
            levels.

    Example:
        >>> import torch
        >>> from matplotlib.figure import Figure
        >>> data = Data(edge_index=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]]), num_nodes=3)
        >>> s = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]])
        >>> axes = plot_hierarchy(data, s, axes=Figure().subplots(1, 2))
        >>> axes[1].get_title()
        'Level 1: 2 of 2 clusters in use'
    """
    levels = hierarchy(
        data,
        out,
        graph=graph,
        seed=seed,
        position=position,
        colors=colors,
        max_nodes=max_nodes,
    ).levels
    others = len(levels) - 1
    radii = [node_radii(level, clusters=number > 0) for number, level in enumerate(levels)]
    views = [_view(level, radius) for level, radius in zip(levels, radii, strict=True)]
    ratios = [INPUT_PANEL] + [1.0] * others
    tallest = max(ratio * view[3] / view[2] for ratio, view in zip(ratios, views, strict=True))
    size = PANEL * sum(ratios) / len(levels), PANEL * min(tallest, 1.1) + TEXT_HEIGHT
    panels = axes_for(axes, len(levels), panel=size, width_ratios=ratios)
    counts, pieces = _counts(levels), _pieces(levels)
    for number, (panel, level) in enumerate(zip(panels, levels, strict=True)):
        radius = radii[number]
        if number + 1 < len(levels):
            draw_hulls(panel, level, levels[number + 1].color, radius, by_part=number == 0)
        draw_edges(panel, level, clusters=number > 0)
        if number < 2:
            # Only nodes are drawn paler the less certain their cluster is; clusters are not.
            draw_nodes(panel, level, radius, level.color if number else node_colors(level))
        else:
            draw_rings(panel, level, radius, pieces[number])
        if numbers and number > 0 and len(radius) <= NUMBERED:
            draw_numbers(panel, level, radius, counts[number], on_white=number > 1)
        left, bottom, width, height = views[number]
        panel.set(xlim=(left, left + width), ylim=(bottom, bottom + height), aspect="equal")
        panel.set(xticks=[], yticks=[])
        panel.spines[:].set_visible(False)
        panel.set_title(_title(number, level), fontsize=10)
        if captions:
            last = number + 1 == len(levels)
            panel.set_xlabel(_caption(level, number, last), fontsize=8, color="#555555")
    return panels


def _title(number: int, level: Level) -> str:
    count = level.index.numel()
    if number == 0:
        return f"Level 0: the input graph, {count} nodes"
    return f"Level {number}: {count} of {count + level.hidden} clusters in use"


def node_colors(level: Level) -> list[str]:
    """Return the colours of the input nodes, paler the less likely their cluster is.

    Example:
        >>> import torch
        >>> data = Data(edge_index=torch.tensor([[0], [1]]), num_nodes=2)
        >>> level = hierarchy(data, torch.tensor([[1.0, 0.0], [0.5, 0.5]])).levels[0]
        >>> level.color, node_colors(level)
        (['#1845fb', '#1845fb'], ['#1845fb', '#748ffd'])
    """
    certainty = level.membership.amax(1).tolist()
    return [paled(*pair) for pair in zip(level.color, certainty, strict=True)]


def _caption(level: Level, number: int, last: bool) -> str:
    if number == 0:
        unsure = bool((level.membership.amax(1) < SURE).any())
        return "colour and hull: its cluster on level 1" + ("; pale: unsure" if unsure else "")
    if number == 1:
        own = "same colours; area: mass; lines: SᵀAS; n: nodes"
        return own if last else own + f"\nhull: its cluster on level {number + 1}"
    ring = "ring: the clusters of level 1 inside"
    return ring if last else ring + f"\nhull: its cluster on level {number + 1}"


def _view(level: Level, radius: NDArray[Any]) -> tuple[float, float, float, float]:
    """Return left, bottom, width and height of the visible region."""
    position, reach = level.position.numpy(), radius[:, None] + MARGIN
    low, high = (position - reach).min(0), (position + reach).max(0)
    middle, half = (low + high) / 2, np.maximum(high - low, LEAST_VIEW) / 2
    (left, bottom), (width, height) = (middle - half).tolist(), (2 * half).tolist()
    return left, bottom, width, height


def _counts(levels: Sequence[Level]) -> list[list[int]]:
    """Return the number of input nodes that each node holds."""
    counts: list[NDArray[Any]] = [np.ones(levels[0].index.numel())]
    for level in levels[:-1]:
        counts.append(np.bincount(level.cluster.numpy(), counts[-1]))
    return [count.astype(int).tolist() for count in counts]


def _pieces(levels: Sequence[Level]) -> list[Pieces]:
    """Return masses and colours of the clusters of level 1 in each node, largest first."""
    first = levels[1]
    single = zip(first.mass.tolist(), first.color, strict=True)
    pieces: list[Any] = [[], [[(mass, color)] for mass, color in single]]
    for below, level in itertools.pairwise(levels[1:]):
        inside: list[list[tuple[float, str]]] = [[] for _ in level.color]
        for cluster, parts in zip(below.cluster.tolist(), pieces[-1], strict=True):
            inside[cluster].extend(parts)
        pieces.append([sorted(parts, reverse=True) for parts in inside])
    return pieces
