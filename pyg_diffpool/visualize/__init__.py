"""Pictures of learned hierarchies (``pip install "pyg-diffpool[visualize]"``)."""

from pyg_diffpool.visualize.hierarchy import Hierarchy, Level, hierarchy

__all__ = ["Hierarchy", "Level", "hierarchy"]
