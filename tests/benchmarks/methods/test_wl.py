import numpy as np
import pytest
from grakel.kernels import VertexHistogram, WeisfeilerLehman

from benchmarks.kernels.gram import normalised
from benchmarks.kernels.weisfeiler_lehman import grakel_graphs
from benchmarks.methods import wl
from tests.benchmarks.kernels.small_graphs import (
    HAND,
    TRIANGLE,
    grams_of,
    labelled,
    random_graphs,
)

HEXAGON = [(node, (node + 1) % 6) for node in range(6)]


def are_separated(first, second):
    """Tell whether some number of iterations tells two graphs apart."""
    return any(normalised(gram)[0, 1] < 1 - 1e-9 for gram in grams_of(wl, labelled(first, second)))


def test_gram_matrices_by_hand():
    grams = grams_of(wl, HAND)
    assert len(grams) == 6
    # Histograms of the labels: (2, 1), (2, 1), (2, 2).
    assert grams[0].tolist() == [[5, 5, 6], [5, 5, 6], [6, 6, 8]]
    # Refined once: 2 of 0|01 and 1|00; 2 of 0|1 and 1|00; 0|0, 0|01, 1|0 and 1|.
    once = [[5, 1, 2], [1, 5, 0], [2, 0, 4]]
    assert (grams[1] - grams[0]).tolist() == once


def test_equals_grakel():
    graphs = random_graphs()
    for iterations, gram in enumerate(grams_of(wl, graphs)):
        if iterations == 0:
            theirs = VertexHistogram().fit_transform(grakel_graphs(graphs))
        else:
            theirs = WeisfeilerLehman(n_iter=iterations).fit_transform(grakel_graphs(graphs))
        np.testing.assert_array_equal(gram, theirs)


def test_two_triangles_are_not_separated_from_a_hexagon():
    triangles = [*TRIANGLE, *((u + 3, v + 3) for u, v in TRIANGLE)]
    assert not are_separated(([0] * 6, triangles), ([0] * 6, HEXAGON))
    # Labels that lie differently on them do separate them.
    assert are_separated(([0, 0, 0, 1, 1, 1], triangles), ([0, 0, 0, 1, 1, 1], HEXAGON))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([(0, 1), (1, 2), (2, 3)], [(0, 1), (0, 2), (0, 3)]),  # a path and a star
        # Two trees with the same degrees: the branch sits at the third or at the second node.
        (
            [(0, 1), (1, 2), (2, 3), (3, 4), (2, 5), (4, 6)],
            [(0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (4, 6)],
        ),
    ],
)
def test_separates(first, second):
    size = len(first) + 1
    assert are_separated(([0] * size, first), ([0] * size, second))
