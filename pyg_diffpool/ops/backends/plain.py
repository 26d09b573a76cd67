"""Products of a backend in PyTorch operations, which have derivatives of all orders."""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.ops.backends.choice import choose_backend
from pyg_diffpool.ops.operator import traced
from pyg_diffpool.ops.segments import UNKNOWN, Segments


def plain_contract(
    graphs: Segments, x: Tensor, p: Tensor, s: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the results of a backend's ``contract``."""
    columns = [x.size(1), s.size(1), s.size(1)]
    out = _products(graphs, s, torch.cat([x, p, s], 1))
    pooled, product, gram = torch.split(out, columns, -1)
    return pooled, product, gram


def _products(graphs: Segments, s: Tensor, rows: Tensor) -> Tensor:
    batch_size, clusters, columns = graphs.batch_size, s.size(1), rows.size(1)
    if graphs.given_width == UNKNOWN and traced():
        # Sizes are unknown: sum the outer products of the rows.
        outer = s.unsqueeze(2) * rows.unsqueeze(1)
        zeros = rows.new_zeros(batch_size, clusters, columns)
        return zeros.index_add(0, graphs.batch, outer)
    if choose_backend(graphs, clusters, columns) == "ragged":
        sizes = graphs.listed_sizes()
        runs = zip(torch.split(s, sizes), torch.split(rows, sizes), strict=True)
        return torch.stack([run.t() @ values for run, values in runs])
    slots = graphs.slots()

    def padded(values: Tensor) -> Tensor:
        zeros = values.new_zeros(batch_size * graphs.width, values.size(1))
        return zeros.index_add(0, slots, values).view(batch_size, graphs.width, values.size(1))

    return torch.bmm(padded(s).transpose(1, 2), padded(rows))


def plain_spread(graphs: Segments, s: Tensor, rows: Tensor) -> Tensor:
    r"""Return :math:`\mathbf{S}_g \mathbf{Y}_g` for each graph, one row for each node.

    Args:
        graphs: The graphs of the nodes.
        s: Assignment (N, K).
        rows: Rows of the clusters (B, K, F), of the same dtype.
    """
    if graphs.batch_size == 1:
        return s @ rows[0]
    if graphs.given_width == UNKNOWN and traced():
        return torch.bmm(s.unsqueeze(1), rows.index_select(0, graphs.batch)).squeeze(1)
    if graphs.batch_size == 0:
        return rows.new_zeros(0, rows.size(2))
    if choose_backend(graphs, s.size(1), rows.size(2)) == "ragged":
        runs = zip(torch.split(s, graphs.listed_sizes()), rows, strict=True)
        return torch.cat([run @ matrix for run, matrix in runs])
    slots = graphs.slots()
    zeros = s.new_zeros(graphs.batch_size * graphs.width, s.size(1))
    padded = zeros.index_add(0, slots, s).view(graphs.batch_size, graphs.width, s.size(1))
    return torch.bmm(padded, rows).flatten(0, 1).index_select(0, slots)
