"""The labelled shortest-path kernel (Shortest-path in the paper's Table 1).

Borgwardt and Kriegel, `"Shortest-path kernels on graphs"
<https://doi.org/10.1109/ICDM.2005.132>`_, ICDM 2005, with delta kernels on the two end labels and
on the length. Distances come from SciPy: GraKeL's ``ShortestPath``, whose Gram matrices are the
same, takes minutes on 200 graphs of DD.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.kernels.capacity import shortest_path_cost
from benchmarks.kernels.counts import count_matrix
from benchmarks.kernels.gram import FloatArray, Report, linear_gram
from benchmarks.kernels.graphs import LabelledGraphs
from benchmarks.kernels.shortest_paths import shortest_path_counts

DEFAULTS: dict[str, Any] = {}
ITERATIONS: tuple[int, ...] = ()
PACKAGES = ("scipy",)
cost = shortest_path_cost


def grams(graphs: LabelledGraphs, jobs: int, report: Report) -> Iterator[FloatArray]:
    """Yield the one Gram matrix: dot products of the counts of (label, label, distance)."""
    largest = int(graphs.sizes.max())
    count = partial(shortest_path_counts, num_labels=graphs.num_labels, max_nodes=largest)
    features = count_matrix(graphs, count, jobs, report, "counting shortest paths")
    yield linear_gram(features, jobs, report)
