"""Networks made of the modules."""

from pyg_diffpool.models.diff_pool_net import DiffPoolNet, DiffPoolOutput

__all__ = ["DiffPoolNet", "DiffPoolOutput"]
