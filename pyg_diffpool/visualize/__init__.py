"""Plots of learned hierarchies (``pip install "pyg-diffpool[visualize]"``)."""

from pyg_diffpool.visualize.hierarchy import Hierarchy, Level, hierarchy
from pyg_diffpool.visualize.plot_assignment import plot_assignment
from pyg_diffpool.visualize.plot_hierarchy import plot_hierarchy
from pyg_diffpool.visualize.plot_training import plot_training

__all__ = [
    "Hierarchy",
    "Level",
    "hierarchy",
    "plot_assignment",
    "plot_hierarchy",
    "plot_training",
]
