"""An assignment matrix as a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyg_diffpool.visualize.figures import axes_for
from pyg_diffpool.visualize.input_graph import nodes_of
from pyg_diffpool.visualize.members import looks, members
from pyg_diffpool.visualize.palette import NEUTRAL
from pyg_diffpool.visualize.poolings import (
    Pooling,
    Poolings,
    check_number,
    count_graphs,
    poolings_of_graph,
    read_poolings,
)
from pyg_diffpool.visualize.requirements import require

PANEL = (5.0, 4.2)  # inches
STRIP = 0.035  # thickness of the colour strips, relative to the size of the heat map
LABELLED = 40  # maximum number of columns that are labelled


def plot_assignment(
    out_or_s: Poolings,
    *,
    level: int = 0,
    graph: int = 0,
    batch: Tensor | None = None,
    ax: Any = None,
    unused: bool = False,
    colors: Mapping[int, str] | None = None,
    cmap: Any = "magma_r",
    colorbar: bool = True,
) -> Any:
    r"""Draw the soft assignment :math:`\mathbf{S}` of one graph as a heat map.

    Rows are nodes, sorted by their most likely cluster and then by its probability. Columns are the
    clusters in use (the most likely one of some node) in the same order. The strip on the left
    shows each node's colour in :func:`plot_hierarchy`, the strip on top each cluster's colour. A
    sharp assignment is dark along a staircase; a collapsed one is a single column.

    Args:
        out_or_s: The output of the network: :class:`~pyg_diffpool.DiffPoolOutput`,
            :class:`~pyg_diffpool.PooledGraph`, a sequence of these or of assignments, or one
            assignment :math:`(N, K)`.
        level: Which pooling: 0 assigns the nodes of the graph, 1 their clusters (those in use),
            and so on. (default: :obj:`0`)
        graph: Index of the graph in the batch. (default: :obj:`0`)
        batch: Graph of each node :math:`(N)`; required for several graphs. Without it, all rows of
            a padded assignment :math:`(B, n, K)` are drawn, including padding.
            (default: :obj:`None`, a single graph)
        ax: Matplotlib axes to draw on. (default: :obj:`None`, those of a new figure)
        unused: Whether to append columns of clusters that are not in use. (default: :obj:`False`)
        colors: Custom colours of the first pooling's clusters, by index. (default: :obj:`None`)
        cmap: Matplotlib colour map from 0 to 1. (default: :obj:`"magma_r"`, which is perceptually
            uniform, also in greyscale)
        colorbar: Whether to draw a colour bar. (default: :obj:`True`)

    Returns:
        The axes.

    Raises:
        ImportError: If Matplotlib is not installed (:obj:`pip install "pyg-diffpool[visualize]"`).
        TypeError: If an argument has an unexpected type.
        ValueError: If there is no such level or graph, :obj:`batch` is missing or does not match,
            or rows are not probabilities.

    Example:
        >>> from matplotlib.figure import Figure
        >>> s = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
        >>> ax = plot_assignment(s, ax=Figure().subplots())
        >>> ax.get_title()
        'Level 0: 3 nodes to 2 of 2 clusters'
        >>> [round(float(p), 1) for p in ax.images[0].get_array()[:, 0]]  # cluster 0
        [0.8, 0.1, 0.3]
    """
    poolings = read_poolings(out_or_s)
    check_number("level", level, 0, len(poolings) - 1)
    own = _own_poolings(poolings, graph, batch)
    levels = members(own)
    appearance = looks(levels, colors)
    below, above = levels[level], levels[level + 1]
    s, available = own[level].s[below.number], own[level].available
    likeliest = s[torch.arange(len(s)), above.number[below.cluster]]
    order = np.lexsort((-likeliest.numpy(), below.cluster.numpy()))
    columns = above.number.tolist()
    column_colors = appearance[level + 1].color
    if unused:
        rest = sorted(set(available.nonzero().flatten().tolist()) - set(columns))
        columns, column_colors = columns + rest, column_colors + [NEUTRAL] * len(rest)

    [panel] = axes_for(ax, 1, PANEL)
    image = _draw(panel, s[order][:, columns].numpy(), cmap)
    row_colors = [appearance[level].color[row] for row in order]
    _strips(panel, row_colors, column_colors)
    for border in np.flatnonzero(np.diff(below.cluster.numpy()[order])) + 1:
        panel.axhline(border, color="#bbbbbb", linewidth=0.5)
    rows = "nodes" if level == 0 else f"clusters of level {level}"
    count = int(available.sum())
    panel.set_title(
        f"Level {level}: {len(s)} {rows} to {above.number.numel()} of {count} clusters", fontsize=10
    )
    panel.set_xlabel(f"clusters of level {level + 1}")
    panel.set_ylabel(f"{rows}, sorted by cluster")
    if len(columns) <= LABELLED:
        panel.set_xticks(np.arange(len(columns)) + 0.5, [str(column) for column in columns])
        turned = 90 if len(columns) > 20 else 0
        panel.tick_params(axis="x", labelsize=7, length=0, labelrotation=turned)
    else:
        panel.set_xticks([])
    if colorbar:
        panel.figure.colorbar(image, ax=panel, label="probability", shrink=0.8)
    return panel


def _own_poolings(poolings: Sequence[Pooling], graph: int, batch: Tensor | None) -> list[Pooling]:
    rows = poolings[0].s.size(-2)
    num_graphs = count_graphs(poolings)
    if poolings[0].s.dim() == 2:
        node = nodes_of(batch, rows, graph, num_graphs)
    elif batch is None:
        check_number("graph", graph, 0, poolings[0].s.size(0) - 1)
        node = torch.arange(rows)
    else:
        # With a padded level 0, the batch vector determines how many rows are nodes.
        node = nodes_of(batch, len(batch), graph, num_graphs)
    return poolings_of_graph(poolings, graph, node)


def _draw(panel: Any, values: NDArray[Any], cmap: Any) -> Any:
    rows, columns = values.shape
    extent = (0, columns, rows, 0)
    style = {"aspect": "auto", "cmap": cmap, "vmin": 0, "vmax": 1}
    return panel.imshow(values, extent=extent, interpolation="nearest", **style)


def _strips(panel: Any, row_colors: Sequence[str], column_colors: Sequence[str]) -> None:
    """Draw the colour strips to the left of the heat map and above it."""
    rgb = require("matplotlib.colors").to_rgb
    rows, columns = len(row_colors), len(column_colors)
    wide, high = STRIP * columns, STRIP * rows
    style = {"aspect": "auto", "interpolation": "nearest"}
    left = np.array([[rgb(color)] for color in row_colors])
    top = np.array([[rgb(color) for color in column_colors]])
    panel.imshow(left, extent=(-1.4 * wide, -0.4 * wide, rows, 0), **style)
    panel.imshow(top, extent=(0, columns, -0.4 * high, -1.4 * high), **style)
    panel.set_xlim(-1.5 * wide, columns)
    panel.set_ylim(rows, -1.5 * high)
    panel.set_yticks([])
    panel.spines[:].set_visible(False)
