import numpy as np
from grakel.kernels import WeisfeilerLehmanOptimalAssignment

from benchmarks.kernels.weisfeiler_lehman import grakel_graphs
from benchmarks.methods import wl_oa
from tests.benchmarks.kernels.small_graphs import HAND, grams_of, random_graphs


def test_gram_matrices_by_hand():
    grams = grams_of(wl_oa, HAND)
    assert len(grams) == 6
    # Histograms of the labels: (2, 1), (2, 1), (2, 2).
    assert grams[0].tolist() == [[3, 3, 3], [3, 3, 3], [3, 3, 4]]
    # Refined once: 2 of 0|01 and 1|00; 2 of 0|1 and 1|00; 0|0, 0|01, 1|0 and 1|.
    assert (grams[1] - grams[0]).tolist() == [[3, 1, 1], [1, 3, 0], [1, 0, 4]]


def test_equals_grakel():
    # GraKeL's loses a node without neighbours after the first iteration: the graphs have none.
    graphs = random_graphs(seed=2, smallest=2)
    connected = [
        number
        for number in range(graphs.num_graphs)
        if (np.diff(graphs.graph(number)[1].indptr) > 0).all()
    ]
    assert len(connected) >= 4
    theirs = list(grakel_graphs(graphs))
    grams = grams_of(wl_oa, graphs)
    for iterations in range(1, 6):
        expected = WeisfeilerLehmanOptimalAssignment(n_iter=iterations).fit_transform(
            [theirs[number] for number in connected]
        )
        np.testing.assert_array_equal(grams[iterations][np.ix_(connected, connected)], expected)
