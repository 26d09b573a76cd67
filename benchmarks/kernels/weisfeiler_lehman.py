"""Weisfeiler-Lehman label histograms of all iterations from one pass of GraKeL."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.kernels.gram import FloatArray, Report
from benchmarks.kernels.graphs import LabelledGraphs
from benchmarks.spec.errors import UsageError

ITERATIONS = (0, 1, 2, 3, 4, 5)
"""The paper's numbers of iterations, from which nested CV chooses."""
PACKAGES = ("grakel",)

GramOf = Callable[[sparse.csr_array, int, Report, str], FloatArray]


def label_histograms(graphs: LabelledGraphs, iterations: int) -> list[sparse.csr_array]:
    """Return how often each graph has each label, after 0 to ``iterations`` refinements.

    GraKeL's ``WeisfeilerLehman`` fits one ``VertexHistogram`` an iteration, which holds the
    histograms. Both kernels follow from them: the subtree kernel of h iterations is the sum of
    their dot products over iterations 0 to h (Shervashidze et al. 2011), the optimal assignment
    kernel the sum of their intersections (Kriege et al. 2016).

    Args:
        graphs: The graphs.
        iterations: Number of refinements, at least 1.
    """
    grakel = _grakel_kernels()
    base = (grakel.VertexHistogram, {"sparse": True})
    kernel = grakel.WeisfeilerLehman(n_iter=iterations, base_graph_kernel=base)
    kernel.fit(grakel_graphs(graphs))
    return [sparse.csr_array(kernel.X[number].X) for number in range(iterations + 1)]


def summed_grams(
    graphs: LabelledGraphs, gram_of: GramOf, jobs: int, report: Report
) -> Iterator[FloatArray]:
    """Yield the Gram matrix of 0, 1, ... 5 iterations, each the sum of those before it.

    Args:
        graphs: The graphs.
        gram_of: From one iteration's histograms to their Gram matrix.
        jobs: Number of processes.
        report: Told of the progress.
    """
    report("refining labels", 0, 1)
    gram = np.zeros((graphs.num_graphs, graphs.num_graphs))
    for number, histograms in enumerate(label_histograms(graphs, max(ITERATIONS))):
        gram += gram_of(histograms, jobs, report, f"iteration {number}")
        yield gram


def grakel_graphs(graphs: LabelledGraphs) -> Iterator[tuple[dict[int, dict[int, float]], Any]]:
    """Yield each graph as GraKeL takes it: neighbours of each node, and labels."""
    for number in range(graphs.num_graphs):
        labels, adjacency = graphs.graph(number)
        bounds = adjacency.indptr.tolist()
        neighbours = adjacency.indices.tolist()
        yield (
            {
                node: dict.fromkeys(neighbours[bounds[node] : bounds[node + 1]], 1.0)
                for node in range(len(labels))
            },
            dict(enumerate(labels.tolist())),
        )


def _grakel_kernels() -> Any:
    try:
        import grakel.kernels
    except ImportError as error:
        raise UsageError(
            f'the kernels wl and wl-oa need GraKeL: pip install "pyg-diffpool[benchmark]" ({error})'
        ) from error
    return grakel.kernels
