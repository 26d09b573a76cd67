"""Blocks whose layers run as one function: one alone, or two side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pyg_diffpool.nn.block_parts import DTYPES, joint_norm, read_blocks
from pyg_diffpool.nn.traced_blocks import trace_blocks
from pyg_diffpool.ops import Adjacency
from pyg_diffpool.ops.aggregation import Aggregation, DenseAggregation, SparseAggregation
from pyg_diffpool.ops.operator import traced
from pyg_diffpool.ops.padded_graphs import mask_rows
from pyg_diffpool.ops.sage_layers import Layer, SAGELayers, Stack
from pyg_diffpool.ops.transforms import transformed

if TYPE_CHECKING:
    from pyg_diffpool.nn.gnn_block import GNNBlock


def run_blocks(
    blocks: Sequence[GNNBlock], x: Tensor, adj: object, mask: Tensor | None = None
) -> tuple[Tensor, ...] | None:
    """Return the outputs of blocks on one level, or None if their modules must be called.

    Args:
        blocks: The blocks; several only if their settings are equal.
        x: Node features (N, F) or (B, N, F).
        adj: A prepared adjacency, or adjacency matrices (B, N, N).
        mask: Mask of the rows of a dense level that are nodes (B, N).
    """
    if traced():
        return trace_blocks(blocks, x, adj, mask)
    if not (is_plain_call(x) and _is_plain_level(x, adj, mask)):
        return None
    parts = read_blocks(blocks, x.shape[:-1].numel(), masked=mask is not None)
    if parts is None:
        return None
    aggregation: Aggregation
    aggr, rows, column = parts[0].settings[0].aggr, x, None
    if isinstance(adj, Adjacency):
        aggregation = SparseAggregation(adj, aggr, x.dtype)
    else:
        assert isinstance(adj, Tensor)
        aggregation = DenseAggregation(adj, mask, aggr, x.dtype)
        rows = mask_rows(x, mask).flatten(0, 1)
        column = None if mask is None else mask.reshape(-1, 1).to(x.dtype)
    norms = list(zip(*(part.norms for part in parts), strict=True))
    layers = [
        Layer(settings.normalize, settings.activate, joint_norm(modules))
        for settings, modules in zip(parts[0].settings, norms, strict=True)
    ]
    stack = Stack(aggregation, layers, len(parts), column, parts[0].jump, torch.is_grad_enabled())
    parameters = chain.from_iterable(zip(*(part.weights for part in parts), strict=True))
    outputs: tuple[Tensor, ...] = SAGELayers.apply(rows, aggregation.values, stack, *parameters)  # type: ignore[no-untyped-call]
    return tuple(out.view(*x.shape[:-1], -1) for out in outputs) if x.dim() == 3 else outputs


def is_plain_call(x: Tensor) -> bool:
    """Return whether a call is one in eager mode, on rows that are summed in their own dtype."""
    return (
        type(x) in (Tensor, torch.nn.Parameter)
        and x.dtype in DTYPES
        and not (traced() or transformed() or torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]
        and not torch.is_autocast_enabled(x.device.type)
        and not _hooks_of_all_modules()
    )


def _hooks_of_all_modules() -> bool:
    """Return whether hooks are registered for all modules; before 2.7, PyTorch does not tell."""
    module = torch.nn.modules.module
    return bool(
        module._global_forward_hooks
        or module._global_forward_pre_hooks
        or module._global_backward_hooks
        or module._global_backward_pre_hooks
    )


def _is_plain_level(x: Tensor, adj: object, mask: Tensor | None) -> bool:
    """Return whether a level is used as it is, with no error and no conversion."""
    if isinstance(adj, Adjacency):
        fits = x.dim() == 2 and x.size(0) == adj.num_nodes and mask is None
        return fits and not isinstance(adj.undirected, Tensor)
    if type(adj) is not Tensor or x.dim() != 3:
        return False
    if mask is not None and (mask.dtype != torch.bool or mask.shape != x.shape[:2]):
        return False
    fits = adj.shape == (*x.shape[:2], x.size(1))
    return fits and adj.layout == torch.strided and adj.dtype in DTYPES
