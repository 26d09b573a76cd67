"""Blocks in traced code, alone or two side by side, as few operations that a compiler fuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from pyg_diffpool.nn.block_parts import DTYPES, BlockParts, LayerSettings, joint_norm, read_blocks
from pyg_diffpool.ops import Adjacency
from pyg_diffpool.ops.aggregation import divided_matrices, inverse_or_zero, weight_sums
from pyg_diffpool.ops.batch_normalization import BatchNormalization, update_by_spread
from pyg_diffpool.ops.sage_layers import KINDS, normalized_rows
from pyg_diffpool.ops.sparse_product import sparse_product
from pyg_diffpool.ops.transforms import transformed

try:
    from torch.fx.experimental.symbolic_shapes import guard_or_false
except ImportError:  # Before torch 2.8.
    guard_or_false = bool  # type: ignore[assignment]

if TYPE_CHECKING:
    from pyg_diffpool.nn.gnn_block import GNNBlock


def trace_blocks(
    blocks: Sequence[GNNBlock], x: Tensor, adj: object, mask: Tensor | None
) -> tuple[Tensor, ...] | None:
    """Return the outputs of blocks on one level, or None if their modules must be called.

    The arguments are those of :func:`~pyg_diffpool.nn.joint_blocks.run_blocks`. Modules are called
    for masked levels, and for batch normalisation by running statistics.
    """
    if mask is not None or x.dtype not in DTYPES:
        return None
    if transformed() or torch.is_autocast_enabled(x.device.type):
        return None
    # Two stand for as many as there are: a compiler must not ask for a size that it cannot know.
    parts = read_blocks(blocks, 2, masked=False)
    if parts is None or any(norm is not None and not norm.training for norm in parts[0].norms):
        return None
    # A product of sizes, since Dynamo cannot follow Size.numel.
    num_rows = x.size(0) if x.dim() == 2 else x.size(0) * x.size(1)
    # Modules normalise a single row by running statistics.
    if not guard_or_false(num_rows > 1):
        return None
    aggregate = _aggregation(x, adj, parts[0].settings[0].aggr)
    if aggregate is None:
        return None
    rows = x if x.dim() == 2 else x.flatten(0, 1)
    outputs = []
    for number in range(len(parts[0].settings)):
        rows = _layer(parts, number, rows, aggregate)
        outputs.append(rows)
    if parts[0].jump == "last":
        outputs = outputs[-1:]
    by_network = [out.view(num_rows, len(parts), -1) for out in outputs]
    found = [torch.cat([out[:, own] for out in by_network], -1) for own in range(len(parts))]
    return tuple(out.view(*x.shape[:-1], -1) for out in found)


def _aggregation(x: Tensor, adj: object, aggr: str) -> Callable[[Tensor], Tensor] | None:
    """Return a function that aggregates rows, or None if a module must check the level first."""
    if isinstance(adj, Adjacency):
        fits = x.dim() == 2 and x.size(0) == adj.num_nodes
        return _sparse_aggregation(adj, aggr, x.dtype) if fits else None
    if not isinstance(adj, Tensor) or x.dim() != 3 or adj.dim() != 3:
        return None
    fits = adj.shape == (x.size(0), x.size(1), x.size(1))
    usual = adj.layout == torch.strided and adj.dtype in DTYPES
    return _dense_aggregation(adj, aggr, x.dtype) if fits and usual else None


def _sparse_aggregation(
    adjacency: Adjacency, aggr: str, dtype: torch.dtype
) -> Callable[[Tensor], Tensor]:
    inverse = None
    if aggr == "mean":
        inverse = inverse_or_zero(weight_sums(adjacency, dtype)).unsqueeze(-1)

    def aggregate(rows: Tensor) -> Tensor:
        out = sparse_product(adjacency, rows)
        return out if inverse is None else out * inverse

    return aggregate


def _dense_aggregation(adj: Tensor, aggr: str, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    adj_t = divided_matrices(adj, aggr, dtype).transpose(1, 2)

    def aggregate(rows: Tensor) -> Tensor:
        by_graph = rows.view(adj_t.size(0), adj_t.size(1), -1)
        return torch.bmm(adj_t, by_graph).flatten(0, 1)

    return aggregate


def _layer(
    parts: Sequence[BlockParts], number: int, rows: Tensor, aggregate: Callable[[Tensor], Tensor]
) -> Tensor:
    """Return the output (M, n F) of a layer; the first one's input is that of all networks."""
    settings: LayerSettings = parts[0].settings[number]
    neighbours, bias, root, scale, shift = (
        [part.weights[KINDS * number + kind] for part in parts] for kind in range(KINDS)
    )
    shared = number == 0
    out = _mapped(aggregate(rows), neighbours, shared)
    if settings.has_root:
        out = out + _mapped(rows, root, shared)
    if settings.has_bias:
        out = out + torch.cat(bias)  # type: ignore[arg-type]
    if settings.normalize:
        out = normalized_rows(out.view(out.size(0), len(parts), -1)).flatten(1)
    if settings.activate:
        out = out.relu()
    norm = joint_norm([part.norms[number] for part in parts])
    return out if norm is None else _normalised(out, norm, scale, shift)


def _mapped(rows: Tensor, weights: Sequence[Tensor | None], shared: bool) -> Tensor:
    """Apply the linear map of each network."""
    if shared or len(weights) == 1:
        return F.linear(rows, torch.cat(weights))  # type: ignore[arg-type]
    by_network = rows.view(rows.size(0), len(weights), -1).transpose(0, 1)
    maps = torch.stack(weights).transpose(1, 2)  # type: ignore[arg-type]
    return torch.bmm(by_network, maps).transpose(0, 1).flatten(1)


def _normalised(
    rows: Tensor,
    norm: BatchNormalization,
    scale: Sequence[Tensor | None],
    shift: Sequence[Tensor | None],
) -> Tensor:
    """Normalise by batch statistics, and update the running ones."""
    out, mean, spread = torch.native_batch_norm(
        rows,
        torch.cat(scale),  # type: ignore[arg-type]
        torch.cat(shift),  # type: ignore[arg-type]
        None,
        None,
        True,
        0.0,
        norm.eps,
    )
    with torch.no_grad():
        update_by_spread(norm, mean, spread, rows.size(0))
        torch._foreach_add_(norm.batches, 1)
    return out
