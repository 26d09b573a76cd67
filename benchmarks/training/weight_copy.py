"""Copies of a network's weights, taken once an epoch."""

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor


def copied_weights(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a ``state_dict`` that later steps do not change.

    Weights of which one is a part of another are copied one by one: a deep copy, which keeps that,
    takes five times as long.
    """
    return {
        name: value.detach().clone() if isinstance(value, Tensor) else copy.deepcopy(value)
        for name, value in state_dict.items()
    }
