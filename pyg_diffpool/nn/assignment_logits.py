"""Assignment networks whose last layer can be left to those who need few of the logits."""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.nn.assignment import Assignment
from pyg_diffpool.nn.block_parts import LINEAR, is_untouched
from pyg_diffpool.ops.assignments.logits import LinearLogits
from pyg_diffpool.ops.operator import traced


def ends_in_linear_layer(assign: torch.nn.Module) -> bool:
    """Return whether a network is an :class:`Assignment`, and calling its parts is equivalent."""
    if not isinstance(assign, Assignment):
        return False
    if traced():
        return type(assign.lin) in LINEAR and not (_has_hooks(assign) or _has_hooks(assign.lin))
    return is_untouched(assign, Assignment) and is_untouched(assign._modules["lin"], *LINEAR)


def _has_hooks(module: torch.nn.Module) -> bool:
    """Return whether a call does more, as far as a tracer can tell."""
    return len(module._forward_hooks) + len(module._forward_pre_hooks) > 0


def without_last_layer(assign: torch.nn.Module, hidden: Tensor) -> LinearLogits:
    """Return the logits of such a network, given the output of its block."""
    lin = assign.lin
    return LinearLogits(hidden, lin.weight, lin.bias)  # type: ignore[union-attr, arg-type]
