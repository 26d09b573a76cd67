"""The convention ``pyg``: the losses of :func:`torch_geometric.nn.dense_diff_pool`."""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.ops.conventions.base import Convention, square_root
from pyg_diffpool.ops.level import Level
from pyg_diffpool.ops.padded_graphs import PaddedGraphs
from pyg_diffpool.ops.precision import accumulation_dtype, without_autocast
from pyg_diffpool.ops.segments import Segments, at_least_one

EPSILON = 1e-15


class PyG(Convention):
    """One norm and one mean over the whole batch, including padding.

    Args:
        normalize: Whether the norm is divided by the number of entries of all padded matrices.
    """

    options = ("normalize",)
    reductions = ("mean",)
    distances = "padded"
    counts_shared_once = True

    def __init__(self, normalize: bool = True):
        self.normalize = normalize

    def link(self, s: Tensor, level: Level, squared: Tensor | None) -> Tensor:
        """Return one Frobenius norm for the batch, a scalar."""
        assert squared is not None
        norm = square_root(squared.sum())
        if self.normalize:
            norm = norm / at_least_one(level.padded_pairs())
        return norm.to(level.loss_dtype(s))

    def row_entropy(self, s: Tensor) -> Tensor:
        """Return the entropy of each row, with PyG's epsilon in the logarithm."""
        with without_autocast(s):
            s = s.to(accumulation_dtype(s.dtype))
            return -(s * torch.log(s + EPSILON)).sum(-1)

    def entropy(self, rows: Tensor, graphs: Segments | PaddedGraphs) -> Tensor:
        """Return the mean over all padded rows of the batch, a scalar."""
        return graphs.padded_mean(rows)

    def mean(self, values: Tensor, sizes: Tensor, *, pairs: bool) -> Tensor:
        """Return the value, which is a scalar already."""
        return values
