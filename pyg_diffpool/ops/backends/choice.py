"""The rule that chooses between padding and slices on a CPU, and its two fitted constants."""

from __future__ import annotations

from pyg_diffpool.ops.segments import Segments

# What a matrix product costs beside its arithmetic, in multiply-adds, and how many of them padding
# is worth.
CALL_COST = 270_000
PADDED_CALLS = 6


def choose_backend(segments: Segments, num_clusters: int, num_columns: int) -> str:
    r"""Choose the backend that is expected to be faster.

    Padding multiplies :math:`B \cdot N_{\max}` rows where there are :math:`N`; slices cost one
    call per graph. Both constants are fitted to the times of ``python -m benchmarks coarsen
    --backends`` on two cores, committed with the other results.
    """
    padded_rows = segments.batch_size * segments.width
    excess = (padded_rows - segments.batch.numel()) * num_clusters * num_columns
    return "ragged" if (segments.batch_size - PADDED_CALLS) * CALL_COST < excess else "padded"
