"""Numbers that describe each graph by its nodes alone, whatever its edges."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

FloatArray = npt.NDArray[np.float64]

_COLUMNS = 16
"""Columns taken at a time: node features in double precision would take twice the memory."""


def log_sizes(sizes: Tensor) -> FloatArray:
    """Return the logarithm of each graph's number of nodes, ``[G, 1]``; 0 for none."""
    logarithms: FloatArray = np.log(np.maximum(sizes.numpy(), 1).astype(np.float64))[:, None]
    return logarithms


def node_statistics(x: Tensor, sizes: Tensor) -> FloatArray:
    """Return sums, means, standard deviations and maxima of node features, ``[G, 4 F]``.

    Args:
        x: Features of all nodes, graph after graph, ``[N, F]``.
        sizes: Number of nodes of each graph, ``[G]``; one without nodes has zeros.
    """
    parts: list[list[Tensor]] = [[], [], [], []]
    count = sizes.double().clamp(min=1).unsqueeze(1)
    for columns in x.split(_COLUMNS, dim=1):
        rows = columns.double()
        total = torch.segment_reduce(rows, "sum", lengths=sizes)
        mean = total / count
        centred = rows - mean.repeat_interleave(sizes, dim=0)
        variance = torch.segment_reduce(centred.square_(), "sum", lengths=sizes) / count
        top = torch.segment_reduce(rows, "max", lengths=sizes, initial=-torch.inf)
        top = top.masked_fill(sizes.unsqueeze(1) == 0, 0.0)
        for part, values in zip(parts, (total, mean, variance.sqrt(), top), strict=True):
            part.append(values)
    return torch.cat([column for part in parts for column in part], dim=1).numpy()
