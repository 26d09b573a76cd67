"""Gram matrices of sparse features: dot products, histogram intersections, cosines."""

from collections.abc import Callable

import joblib
import numpy as np
import numpy.typing as npt
from scipy import sparse

FloatArray = npt.NDArray[np.float64]
Report = Callable[[str, int, int], None]
"""Told what is being done, how much of it is finished, and how much there is."""

_BLOCK_ROWS = 256


def silent(what: str, done: int, total: int) -> None:
    """Report nothing."""


def linear_gram(
    features: sparse.csr_array, jobs: int = 1, report: Report = silent, what: str = "Gram matrix"
) -> FloatArray:
    r"""Return :math:`K_{ij} = \langle \phi_i, \phi_j \rangle` of the rows of ``features``.

    Blocks of rows are multiplied by threads, since SciPy's products run without Python's lock, and
    only the lower half is computed.

    Args:
        features: One row a graph, ``[G, F]``.
        jobs: Number of threads. (default: :obj:`1`)
        report: Told of the progress.
        what: Name of the matrix for ``report``.

    Shapes:
        - **returns:** ``[G, G]``, symmetric.
    """
    number = features.shape[0]
    gram = np.zeros((number, number))

    def fill(first: int) -> int:
        stop = min(first + _BLOCK_ROWS, number)
        columns = sparse.csr_array(features[first:stop].T)
        gram[first:, first:stop] = (features[first:] @ columns).toarray()
        gram[first:stop, first:] = gram[first:, first:stop].T
        return stop - first

    parallel = joblib.Parallel(n_jobs=jobs, prefer="threads", return_as="generator_unordered")
    done = 0
    for rows in parallel(joblib.delayed(fill)(row) for row in range(0, number, _BLOCK_ROWS)):
        done += rows
        report(what, done, number)
    return gram


def intersection_gram(
    histograms: sparse.csr_array,
    jobs: int = 1,
    report: Report = silent,
    what: str = "Gram matrix",
) -> FloatArray:
    r"""Return the histogram intersections :math:`K_{ij} = \sum_c \min(h_{ic}, h_{jc})`.

    For counts, :math:`\min(a, b) = \sum_{t \ge 1} [a \ge t][b \ge t]`: the intersection is the dot
    product of the counts written in unary, which is exact and as sparse as the graphs have nodes.

    Args:
        histograms: Counts, one row a graph, ``[G, F]``.
        jobs: Number of threads. (default: :obj:`1`)
        report: Told of the progress.
        what: Name of the matrix for ``report``.

    Shapes:
        - **returns:** ``[G, G]``, symmetric.
    """
    return linear_gram(in_unary(histograms), jobs, report, what)


def in_unary(histograms: sparse.csr_array) -> sparse.csr_array:
    """Return columns ``(c, t)`` that are 1 where the count in column ``c`` is at least ``t``."""
    counts = histograms.data.astype(np.int64)
    columns = histograms.indices.astype(np.int64)
    widths = np.zeros(histograms.shape[1], dtype=np.int64)
    np.maximum.at(widths, columns, counts)
    first_column = np.cumsum(widths) - widths
    first_entry = np.cumsum(counts) - counts
    ones = int(counts.sum())
    threshold = np.arange(ones) - first_entry.repeat(counts)
    entries_before = np.concatenate([[0], np.cumsum(counts)])
    return sparse.csr_array(
        (
            np.ones(ones),
            first_column[columns].repeat(counts) + threshold,
            entries_before[histograms.indptr],
        ),
        shape=(histograms.shape[0], int(widths.sum())),
    )


def normalised(gram: FloatArray) -> FloatArray:
    r"""Return the cosines :math:`K_{ij} / \sqrt{K_{ii} K_{jj}}`.

    A graph without any feature (:math:`K_{ii} = 0`) has cosine 0 with all graphs, as in GraKeL.
    """
    norms = np.sqrt(np.diagonal(gram))
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    return gram * scale[:, None] * scale[None, :]
