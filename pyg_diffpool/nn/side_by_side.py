"""The blocks of both networks of a level, where they can run side by side."""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.nn.assignment import Assignment
from pyg_diffpool.nn.block_parts import is_untouched
from pyg_diffpool.nn.gnn_block import GNNBlock
from pyg_diffpool.nn.joint_blocks import is_plain_call
from pyg_diffpool.ops.operator import traced


def blocks_of_networks(
    embed: torch.nn.Module, assign: torch.nn.Module, x: Tensor
) -> tuple[GNNBlock, GNNBlock] | None:
    """Return the blocks of both networks, or None if either must be called itself.

    Args:
        embed: The embedding network.
        assign: The assignment network.
        x: Node features.
    """
    if not (traced() or is_plain_call(x)):
        return None
    if not (is_untouched(embed, GNNBlock) and is_untouched(assign, Assignment)):
        return None
    block = assign._modules["block"]
    if not is_untouched(block, GNNBlock):
        return None
    return embed, block  # type: ignore[return-value]
