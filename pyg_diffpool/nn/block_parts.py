"""The weights and settings of blocks whose layers can run as one function.

A block qualifies if calling its modules one by one would have no other effect: no hooks, no
observed messages, and no replaced parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch_geometric.nn.dense import Linear

from pyg_diffpool.nn.aggregators import linear_form
from pyg_diffpool.nn.batch_norm import BatchNorm
from pyg_diffpool.nn.sage_conv import SAGEConv
from pyg_diffpool.nn.weighted_messages import FLOWS
from pyg_diffpool.ops.batch_normalization import BatchNormalization

if TYPE_CHECKING:
    from pyg_diffpool.nn.gnn_block import GNNBlock

LINEAR = (Linear, torch.nn.Linear)
# Dtypes of rows that are summed as they are.
DTYPES = (torch.float32, torch.float64)
# Weight of the neighbours, bias and root weight of a convolution.
LinearWeights: TypeAlias = tuple[Tensor, Tensor | None, Tensor | None]


class LayerSettings(NamedTuple):
    """Everything about a layer but the values of its parameters.

    Attributes:
        aggr: ``mean`` or ``sum``.
        normalize: Whether rows are divided by their Euclidean norm.
        activate: Whether ReLU follows.
        norm: Of batch normalisation: whether it is in training mode, epsilon and momentum.
        shape: Shape of the weight.
        has_bias: Whether there is a bias.
        has_root: Whether there is a root weight.
    """

    aggr: str
    normalize: bool
    activate: bool
    norm: tuple[bool, float, float | None] | None
    shape: torch.Size
    has_bias: bool
    has_root: bool


class BlockParts(NamedTuple):
    """What is needed to run a block.

    Attributes:
        jump: See :class:`GNNBlock`.
        settings: The settings of each layer.
        weights: Five tensors per layer: weight of the neighbours and its bias, root weight, scale
            and shift of batch normalisation; None for those that do not exist.
        norms: The batch normalisation of each layer.
    """

    jump: str
    settings: list[LayerSettings]
    weights: list[Tensor | None]
    norms: list[torch.nn.BatchNorm1d | None]


def read_blocks(blocks: Sequence[GNNBlock], num_rows: int, masked: bool) -> list[BlockParts] | None:
    """Return the parts of blocks of equal settings, or None if they cannot run as one function.

    Args:
        blocks: The blocks.
        num_rows: Number of rows of the level.
        masked: Whether a mask says which rows are nodes.
    """
    found: list[BlockParts] = []
    for block in blocks:
        parts = _read_block(block, enough_rows=masked or num_rows > 1)
        if parts is None:
            return None
        if found and parts[:2] != found[0][:2]:
            return None
        found.append(parts)
    return found if num_rows > 0 else None


_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def is_untouched(module: torch.nn.Module | None, *types: type) -> bool:
    """Whether a call of a module is one of its class's forward method and nothing else."""
    if type(module) not in types:
        return False
    own = module.__dict__
    replaced = "forward" in own or own.get("_compiled_call_impl") is not None
    return not (replaced or any(own[name] for name in _HOOKS))


def _read_block(block: GNNBlock, enough_rows: bool) -> BlockParts | None:
    if block.residual or block.fully_adjacent or (block.dropout > 0 and block.training):
        return None
    norms = list(block.norms._modules.values())
    parts = BlockParts(block.jump, [], [], [])
    for number, conv in enumerate(block.convs._modules.values()):
        weights = _linear_weights(conv)
        if weights is None:
            return None
        activate = number < block.activated
        norm = settings = scale = shift = None
        if activate and norms:
            norm = _batch_norm(norms[number])
            # A single row is normalised by running statistics.
            if norm is None or not enough_rows:
                return None
            settings = norm.training, norm.eps, norm.momentum
            scale, shift = norm._parameters["weight"], norm._parameters["bias"]
        neighbours, bias, root = weights
        has = bias is not None, root is not None
        parts.settings.append(
            LayerSettings(
                linear_form(conv.aggr_module),  # type: ignore[arg-type]
                conv.normalize,  # type: ignore[arg-type]
                activate,
                settings,
                neighbours.shape,
                *has,
            )
        )
        parts.weights.extend((neighbours, bias, root, scale, shift))
        parts.norms.append(norm)
    one_aggregation = len({settings.aggr for settings in parts.settings}) == 1
    return parts if one_aggregation else None


def _linear_weights(conv: torch.nn.Module | None) -> LinearWeights | None:
    """Return weight, bias and root weight of a layer, or None if it must be called itself."""
    if not isinstance(conv, SAGEConv) or not is_untouched(conv, SAGEConv) or conv._observed():
        return None
    if linear_form(conv.aggr_module) is None or conv.project or conv.flow != FLOWS[0]:
        return None
    modules = conv._modules
    lin_l, lin_r = modules["lin_l"], modules.get("lin_r")
    if not is_untouched(lin_l, *LINEAR):
        return None
    neighbours, bias = lin_l._parameters.get("weight"), lin_l._parameters.get("bias")
    if neighbours is None:
        return None
    if not conv.root_weight:
        return neighbours, bias, None
    if not is_untouched(lin_r, *LINEAR):
        return None
    root = lin_r._parameters.get("weight")
    if root is None or lin_r._parameters.get("bias") is not None:
        return None
    return neighbours, bias, root


def _batch_norm(norm: torch.nn.Module | None) -> torch.nn.BatchNorm1d | None:
    """Return PyTorch's module inside, or None if it must be called itself."""
    if not is_untouched(norm, BatchNorm):
        return None
    bn = norm._modules["module"]  # type: ignore[union-attr]
    if not is_untouched(bn, torch.nn.BatchNorm1d):
        return None
    assert isinstance(bn, torch.nn.BatchNorm1d)
    # A cumulative average needs the number of batches.
    usual = bn.affine and bn.track_running_stats and bn.momentum is not None
    buffers = bn._buffers
    usual = usual and buffers["running_mean"] is not None and buffers["running_var"] is not None
    return bn if usual else None


def joint_norm(modules: Sequence[torch.nn.BatchNorm1d | None]) -> BatchNormalization | None:
    """Return the settings and running statistics of a layer of all blocks, if it has them."""
    first = modules[0]
    if first is None:
        return None
    buffers = [module._buffers for module in modules if module is not None]
    kept = (
        tuple(own[name] for own in buffers)
        for name in ("running_mean", "running_var", "num_batches_tracked")
    )
    return BatchNormalization(first.eps, first.training, first.momentum, *kept)  # type: ignore[arg-type]
