"""Complete networks."""

from pyg_diffpool.models.diff_pool_net import DiffPoolNet, DiffPoolOutput
from pyg_diffpool.models.diff_pool_unet import DiffPoolUNet
from pyg_diffpool.models.graph_head import graph_head

__all__ = ["DiffPoolNet", "DiffPoolOutput", "DiffPoolUNet", "graph_head"]
