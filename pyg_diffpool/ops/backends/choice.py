"""The rule that chooses between padding and slicing on a CPU, and its two fitted constants."""

from __future__ import annotations

from pyg_diffpool.ops.segments import Segments

# Overhead of a matrix product call in multiply-adds, and the overhead of padding in such calls.
CALL_COST = 270_000
PADDED_CALLS = 6


def choose_backend(segments: Segments, num_clusters: int, num_columns: int) -> str:
    r"""Choose the backend that is expected to be faster.

    Padding multiplies :math:`B \cdot N_{\max}` rows instead of :math:`N`; slicing needs one call
    per graph. Both constants are fitted to the times of ``python -m benchmarks coarsen --backends``
    on two cores, which are committed with the other results.
    """
    padded_rows = segments.batch_size * segments.width
    excess = (padded_rows - segments.batch.numel()) * num_clusters * num_columns
    return "ragged" if (segments.batch_size - PADDED_CALLS) * CALL_COST < excess else "padded"
