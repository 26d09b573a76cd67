"""What the networks of this package share: their poolings, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

import torch

from pyg_diffpool.nn import AnnealedTemperature, Assignment, DiffPool, GNNBlock
from pyg_diffpool.ops.conventions import CONVENTIONS
from pyg_diffpool.ops.validation import check_choice, kind


def read_scale(convention: str, scale: str | None) -> str | None:
    """Return the scale of the link objective, which ``"auto"`` takes from the convention.

    Raises:
        ValueError: If the convention is unknown.
    """
    check_choice("convention", convention, tuple(CONVENTIONS))
    if scale != "auto":
        return scale
    return "nodes" if "scale" in CONVENTIONS[convention].options else None


def make_poolings(
    width: int,
    max_clusters: Sequence[int],
    make_embedding: Callable[[int, int], Any],
    make_block: Callable[[int, int], GNNBlock],
    temperature: float | AnnealedTemperature,
    **options: Any,
) -> tuple[torch.nn.ModuleList, list[int]]:
    """Return the pooling of each level, and the width of the rows that each embeds.

    Args:
        width: Number of input channels of the first level.
        max_clusters: Number of clusters of each pooling.
        make_embedding: Makes the embedding network, given its input channels and the level.
        make_block: Makes the block of the assignment network, likewise.
        temperature: Of each pooling, which gets a copy of its own.
        options: Further arguments of :class:`DiffPool`.

    Raises:
        TypeError: If :obj:`max_clusters` is not a sequence.
    """
    if not isinstance(max_clusters, Iterable):
        raise TypeError(
            "max_clusters: expected a sequence, the number of clusters of each pooling, got "
            f"{kind(max_clusters)}"
        )
    pools, widths = torch.nn.ModuleList(), []
    for level, clusters in enumerate(max_clusters):
        embed = make_embedding(width, level)
        assign = Assignment(make_block(width, level), clusters)
        pools.append(
            DiffPool(
                embed,
                assign,
                max_clusters=clusters,
                temperature=deepcopy(temperature),
                **options,
            )
        )
        width = embed.out_channels
        widths.append(width)
    return pools, widths
