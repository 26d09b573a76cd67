"""Clusters packed as non-overlapping discs, with those that are pooled together side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pyg_diffpool.visualize.layout import Array

STEPS = 300
ROOM = 1.9  # radius reserved for a cluster, relative to its own
MARGIN = 1.15  # the same for a group of clusters
LEAST = 0.45  # minimum radius of a cluster, relative to the largest


def nested_positions(
    middles: Sequence[Array], groups: Sequence[Array], mass: Array, seed: int = 0
) -> list[Array]:
    """Place the clusters of all levels: discs of one group fill a disc of the next level.

    Args:
        middles: Preferred position of each level's clusters, ``[n, 2]``.
        groups: Group of each cluster, a row of the next level, ``[n]``; unused on the last level.
        mass: Masses of the first level's clusters ``[n]``; their areas are proportional to them.
        seed: Seed of the jitter that separates clusters at the same position. (default: :obj:`0`)

    Returns:
        Positions of each level's clusters.

    Example:
        >>> middles = [np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]), np.array([[0.5, 0], [2, 0]])]
        >>> first, last = nested_positions(middles, [np.array([0, 0, 1]), None], np.ones(3))
        >>> bool(first[2, 0] > first[1, 0] > first[0, 0]), bool(last[1, 0] > last[0, 0])
        (True, True)
    """
    share = np.sqrt(np.maximum(mass, 0) / max(float(mass.max()), 1e-12))
    radius = ROOM * np.maximum(share, LEAST)
    offsets = []
    for level, middle in enumerate(middles):
        last = level + 1 == len(middles)
        group = np.zeros(len(middle), dtype=int) if last else groups[level]
        offset, radii = np.empty_like(middle), []
        for number in range(int(group.max()) + 1):
            own = np.flatnonzero(group == number)
            offset[own], reach = _packed(middle[own], radius[own], seed)
            radii.append(MARGIN * reach)
        offsets.append(offset)
        radius = np.array(radii)
    positions = [offsets[-1]]
    for level in reversed(range(len(middles) - 1)):
        positions.insert(0, offsets[level] + positions[0][groups[level]])
    return positions


def _packed(middle: Array, radius: Array, seed: int) -> tuple[Array, float]:
    """Pack discs near their preferred positions; also return the radius of the whole around 0."""
    if len(middle) == 1:
        return np.zeros((1, 2)), float(radius[0])
    place = middle - middle.mean(0)
    # Start close together, so that pushing them apart leaves no wide gaps.
    place *= radius.min() / max(float(np.abs(place).max()), 1e-9)
    place += 1e-2 * radius.min() * np.random.default_rng(seed).standard_normal(place.shape)
    least = radius[:, None] + radius[None]
    for _ in range(STEPS):
        between = place[:, None] - place[None]
        distance = np.linalg.norm(between, axis=-1)
        np.fill_diagonal(distance, np.inf)
        if (distance >= least).all():
            break
        push = np.maximum(1.02 * least - distance, 0) / np.maximum(distance, 1e-9)
        place = place + (between * push[..., None]).sum(1) / 4
    place -= (place.max(0) + place.min(0)) / 2
    return place, float((np.linalg.norm(place, axis=1) + radius).max())
