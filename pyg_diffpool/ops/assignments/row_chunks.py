"""Runs of rows of a ragged batch of logits, each a matrix of little padding and bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

# Consecutive graphs share a matrix if it has few entries, or most of them are in use.
SMALL_CHUNK = 2**16
MOST_PADDING = 1.5
# A matrix of more entries is cut, so that a graph's logits never exist at the same time.
LARGEST_CHUNK = 2**22


class RowChunk(NamedTuple):
    """A run of rows.

    Attributes:
        start: First row.
        stop: Row after the last.
        columns: Number of columns, that of the graph with most clusters.
        uniform: Whether all rows use all columns.
    """

    start: int
    stop: int
    columns: int
    uniform: bool


def row_chunks(sizes: Sequence[int], clusters: Sequence[int]) -> Iterator[RowChunk]:
    r"""Cut a batch whose graph :math:`g` has :math:`n_g \times k_g` logits into matrices.

    They have at most 1.5 times :math:`\sum_g n_g k_g` entries in all, apart from small ones, where
    a padded matrix would have :math:`\sum_g n_g \cdot \max_g k_g`.

    Args:
        sizes: Number of nodes :math:`n_g` of each graph.
        clusters: Number of clusters :math:`k_g` of each graph, at least one.

    Example:
        >>> list(row_chunks([4, 2], [2, 1]))
        [RowChunk(start=0, stop=6, columns=2, uniform=False)]
    """
    start = rows = entries = most = 0
    fewest = None
    for size, columns in zip(sizes, clusters, strict=True):
        if size == 0:
            continue
        padded = (rows + size) * max(most, columns)
        if padded > max(SMALL_CHUNK, MOST_PADDING * (entries + size * columns)) and rows > 0:
            yield from _cut(start, rows, most, fewest == most)
            start, rows, entries, most, fewest = start + rows, 0, 0, 0, None
        rows, entries = rows + size, entries + size * columns
        most = max(most, columns)
        fewest = columns if fewest is None else min(fewest, columns)
    if rows > 0:
        yield from _cut(start, rows, most, fewest == most)


def _cut(start: int, rows: int, columns: int, uniform: bool) -> Iterator[RowChunk]:
    step = max(1, LARGEST_CHUNK // columns)
    for first in range(start, start + rows, step):
        yield RowChunk(first, min(first + step, start + rows), columns, uniform)
