from itertools import combinations

import numpy as np

from benchmarks.methods import graphlet
from tests.benchmarks.kernels.small_graphs import (
    HAND,
    TRIANGLE,
    grams_of,
    labelled,
)


def test_gram_matrix_by_hand():
    (gram,) = grams_of(graphlet, HAND)
    # One triangle 001; one wedge 0 - 1 - 0; one wedge 0 - 0 - 1: three types.
    assert gram.tolist() == np.eye(3).tolist()
    # The complete graph of 4 equal nodes has 4 triangles; a star of 3 leaves has 3 wedges, and a
    # square 4; a triangle with a tail has 1 triangle and 2 wedges.
    complete, star = list(combinations(range(4), 2)), [(0, 1), (0, 2), (0, 3)]
    square, tail = [(0, 1), (1, 2), (2, 3), (3, 0)], [*TRIANGLE, (2, 3)]
    graphs = labelled(*(([0] * 4, edges) for edges in (complete, star, square, tail)))
    (gram,) = grams_of(graphlet, graphs)
    assert gram.tolist() == [[16, 0, 0, 4], [0, 9, 12, 6], [0, 12, 16, 8], [4, 6, 8, 5]]
