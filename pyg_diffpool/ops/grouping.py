"""Distinct keys of a list, and the position of each key among them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

# A table of all keys that could occur is faster than a sort while it is not much longer than the
# list; a table of this length costs about a millisecond.
TABLE_PER_KEY = 4
SMALL_TABLE = 2**20


class Groups(NamedTuple):
    """Output of :func:`group_keys`.

    Attributes:
        keys: The distinct keys, sorted.
        group: Position of each key of the list in :attr:`keys`, in int32.
    """

    keys: Tensor
    group: Tensor


def group_keys(keys: Tensor, bound: int) -> Groups:
    """Return the distinct keys and the group of each key; :func:`torch.unique` is far slower.

    Args:
        keys: Integers :math:`(P)`.
        bound: All keys are at least 0 and less than this.

    Example:
        >>> group_keys(torch.tensor([7, 3, 7]), bound=10)
        Groups(keys=tensor([3, 7]), group=tensor([1, 0, 1], dtype=torch.int32))
    """
    if bound <= max(SMALL_TABLE, TABLE_PER_KEY * keys.numel()):
        return _by_table(keys, bound)
    return _by_sorting(keys)


def starts_of_runs(keys: Tensor) -> Tensor:
    """Return which keys differ from the one before; the first one does.

    Example:
        >>> starts_of_runs(torch.tensor([3, 3, 7]))
        tensor([ True, False,  True])
    """
    return torch.cat([torch.ones_like(keys[:1], dtype=torch.bool), keys[1:] != keys[:-1]])


def _by_table(keys: Tensor, bound: int) -> Groups:
    occurs = torch.zeros(bound, dtype=torch.bool, device=keys.device)
    occurs.index_fill_(0, keys, True)
    position = occurs.cumsum(0, dtype=torch.int32).sub_(1)
    return Groups(occurs.nonzero().view(-1), position.index_select(0, keys))


def _by_sorting(keys: Tensor) -> Groups:
    ordered, order = keys.sort()
    first = starts_of_runs(ordered)
    group = torch.empty_like(ordered, dtype=torch.int32)
    group[order] = first.cumsum(0, dtype=torch.int32).sub_(1)
    return Groups(ordered[first], group)
