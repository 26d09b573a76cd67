"""The Weisfeiler-Lehman subtree kernel (1-WL in the paper's Table 1).

Shervashidze, Schweitzer, van Leeuwen, Mehlhorn and Borgwardt, `"Weisfeiler-Lehman Graph Kernels"
<https://jmlr.org/papers/v12/shervashidze11a.html>`_, JMLR 2011. Labels are refined by GraKeL. The
number of iterations is chosen from 0 to 5, as the DiffPool paper's Section 4.2 says; edge labels
are not used.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks.kernels.capacity import weisfeiler_lehman_cost
from benchmarks.kernels.gram import FloatArray, Report, linear_gram
from benchmarks.kernels.graphs import LabelledGraphs
from benchmarks.kernels.weisfeiler_lehman import ITERATIONS, PACKAGES, summed_grams

__all__ = ["DEFAULTS", "ITERATIONS", "PACKAGES", "cost", "grams"]

DEFAULTS: dict[str, Any] = {}
cost = weisfeiler_lehman_cost


def grams(graphs: LabelledGraphs, jobs: int, report: Report) -> Iterator[FloatArray]:
    """Return the Gram matrix of 0, 1, ... 5 iterations, each the sum of those before it."""
    return summed_grams(graphs, linear_gram, jobs, report)
