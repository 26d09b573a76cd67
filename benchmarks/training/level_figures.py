"""A hierarchy on a figure of its own, outside pyplot: safe in worker processes, freed when left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch_geometric.data import Batch

from benchmarks.training.forward import Prediction
from pyg_diffpool.visualize import plot_assignment, plot_hierarchy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST_DRAWN = 500
"""Most nodes of a graph that is drawn unless one is named: more hide each other."""
PANEL = 4.4
"""Height of the panels, and width of those behind the input graph's, in inches."""
INPUT_PANEL = 1.35
"""Width of the input graph's panel, by that of the others."""


def hierarchy_figure(
    batch: Batch, prediction: Prediction, title: str, note: str = "", *, layout: int = 0
) -> Figure:
    """Draw the first graph of a batch, all levels side by side.

    Args:
        batch: The graph as the network got it.
        prediction: What the network returned for it.
        title: A line above.
        note: A line below. (default: none)
        layout: Seed of the layout. (default: :obj:`0`)
    """
    from matplotlib.figure import Figure

    pools = len(prediction.levels)
    figure = Figure(figsize=(PANEL * (INPUT_PANEL + pools), PANEL + 0.8), layout="constrained")
    axes = figure.subplots(1, pools + 1, width_ratios=[INPUT_PANEL] + [1.0] * pools)
    plot_hierarchy(batch, list(prediction.levels), axes=axes, seed=layout)
    figure.suptitle(title, fontsize=13)
    if note:
        # Captions of two lines reach below the axes: an empty line keeps the note off them.
        figure.supxlabel(f"\n{note}", fontsize=9, color="#555555")
    return figure


def assignment_figure(prediction: Prediction, title: str) -> Figure:
    """Draw the assignments of the first graph of a batch, all levels side by side.

    Args:
        prediction: What the network returned for it.
        title: A line above.
    """
    from matplotlib.figure import Figure

    pools = len(prediction.levels)
    figure = Figure(figsize=(PANEL * pools, PANEL), layout="constrained")
    for level, axes in enumerate(figure.subplots(1, pools, squeeze=False)[0]):
        plot_assignment(list(prediction.levels), level=level, ax=axes)
    figure.suptitle(title, fontsize=13)
    return figure
