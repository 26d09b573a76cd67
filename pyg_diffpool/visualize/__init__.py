"""Pictures of learned hierarchies (``pip install "pyg-diffpool[visualize]"``)."""

from pyg_diffpool.visualize.hierarchy import Hierarchy, Level, hierarchy
from pyg_diffpool.visualize.plot_hierarchy import plot_hierarchy

__all__ = ["Hierarchy", "Level", "hierarchy", "plot_hierarchy"]
