"""Assignment networks whose last layer can be left to those who need few of the logits."""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.nn.assignment import Assignment
from pyg_diffpool.nn.block_parts import LINEAR, is_untouched
from pyg_diffpool.ops.assignments.logits import LinearLogits


def ends_in_linear_layer(assign: torch.nn.Module) -> bool:
    """Return whether a network is an :class:`Assignment`, and calling its parts is equivalent."""
    return is_untouched(assign, Assignment) and is_untouched(assign._modules["lin"], *LINEAR)


def without_last_layer(assign: torch.nn.Module, hidden: Tensor) -> LinearLogits:
    """Return the logits of such a network, given the output of its block."""
    lin = assign.lin
    return LinearLogits(hidden, lin.weight, lin.bias)  # type: ignore[union-attr, arg-type]
