import numpy as np
import pytest
from grakel.kernels import ShortestPath

from benchmarks.kernels import shortest_paths
from benchmarks.kernels.weisfeiler_lehman import grakel_graphs
from benchmarks.methods import shortest_path
from tests.benchmarks.kernels.small_graphs import HAND, grams_of, random_graphs


def test_gram_matrix_by_hand():
    (gram,) = grams_of(shortest_path, HAND)
    # (a, b, d) by ordered pairs. Triangle: 2 of 001, 2 of 011, 2 of 101. Path 0 - 1 - 0: 2 of 011,
    # 2 of 101, 2 of 002. Path 0 - 0 - 1: 2 of 001, and 1 each of 011, 101, 012 and 102.
    assert gram.tolist() == [[12, 8, 8], [8, 12, 4], [8, 4, 8]]


@pytest.mark.parametrize("rows", [2**22, 7])
def test_equals_grakel(rows, monkeypatch):
    monkeypatch.setattr(shortest_paths, "_MAX_DISTANCES", rows)
    graphs = random_graphs(number=20)
    (gram,) = grams_of(shortest_path, graphs)
    theirs = ShortestPath(with_labels=True).fit_transform(grakel_graphs(graphs))
    np.testing.assert_array_equal(gram, theirs)
