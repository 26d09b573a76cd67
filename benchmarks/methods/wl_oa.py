"""The Weisfeiler-Lehman optimal assignment kernel (WL-OA in the paper's Table 1).

Kriege, Giscard and Wilson, `"On Valid Optimal Assignment Kernels and Applications to Graph
Classification" <https://arxiv.org/abs/1606.01141>`_, NIPS 2016. GraKeL's
``WeisfeilerLehmanOptimalAssignment`` intersects dense histograms pair by pair in Python, anew for
each number of iterations: minutes on ENZYMES, and DD's would not fit in memory. Here the histograms
of GraKeL's refinement are intersected by sparse products, once for all iterations; the Gram
matrices are the same. The number of iterations is chosen from 0 to 5, as the DiffPool paper's
Section 4.2 says; edge labels are not used.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks.kernels.capacity import weisfeiler_lehman_cost
from benchmarks.kernels.gram import FloatArray, Report, intersection_gram
from benchmarks.kernels.graphs import LabelledGraphs
from benchmarks.kernels.weisfeiler_lehman import ITERATIONS, PACKAGES, summed_grams

__all__ = ["DEFAULTS", "ITERATIONS", "PACKAGES", "cost", "grams"]

DEFAULTS: dict[str, Any] = {}
cost = weisfeiler_lehman_cost


def grams(graphs: LabelledGraphs, jobs: int, report: Report) -> Iterator[FloatArray]:
    """Return the Gram matrix of 0, 1, ... 5 iterations, each the sum of those before it."""
    return summed_grams(graphs, intersection_gram, jobs, report)
