import sys
from collections import Counter

import numpy as np
import pytest

from benchmarks.kernels.weisfeiler_lehman import grakel_graphs, label_histograms, summed_grams
from benchmarks.spec.errors import UsageError
from tests.benchmarks.kernels.small_graphs import HAND, random_graphs


def refined_columns(graphs, iterations):
    """Return the histograms' columns in order, from labels spelled out as nested tuples."""
    labels = [graphs.graph(number)[0].tolist() for number in range(graphs.num_graphs)]
    columns = []
    for _ in range(iterations + 1):
        counts = [Counter(own) for own in labels]
        names = {name for own in counts for name in own}
        columns.append(sorted(tuple(own[name] for own in counts) for name in names))
        for number, own in enumerate(labels):
            adjacency = graphs.graph(number)[1]
            neighbours = [adjacency[[node]].nonzero()[1] for node in range(len(own))]
            labels[number] = [
                (own[node], tuple(sorted((own[v] for v in near), key=repr)))
                for node, near in enumerate(neighbours)
            ]
    return columns


@pytest.mark.parametrize("graphs", [HAND, random_graphs(seed=3)], ids=["hand", "random"])
def test_histograms_count_the_refined_labels(graphs):
    histograms = label_histograms(graphs, 3)
    for histogram, expected in zip(histograms, refined_columns(graphs, 3), strict=True):
        columns = [tuple(map(int, column)) for column in histogram.toarray().T if column.any()]
        assert sorted(columns) == expected


def test_each_gram_matrix_adds_one_iteration():
    told = []

    def gram_of(histograms, jobs, report, what):
        report(what, jobs, 0)
        return np.full((HAND.num_graphs, HAND.num_graphs), histograms.sum())

    grams = summed_grams(HAND, gram_of, 2, lambda *line: told.append(line))
    # Every iteration labels all ten nodes once.
    assert [gram[0, 0] for gram in grams] == [10, 20, 30, 40, 50, 60]
    assert told == [
        ("refining labels", 0, 1),
        *((f"iteration {number}", 2, 0) for number in range(6)),
    ]


def test_graphs_as_grakel_takes_them():
    neighbours, labels = list(grakel_graphs(HAND))[2]
    assert neighbours == {0: {1: 1.0}, 1: {0: 1.0, 2: 1.0}, 2: {1: 1.0}, 3: {}}
    assert labels == {0: 0, 1: 0, 2: 1, 3: 1}


def test_without_grakel_the_way_to_get_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "grakel", None)
    monkeypatch.setitem(sys.modules, "grakel.kernels", None)
    with pytest.raises(UsageError, match=r"wl and wl-oa need GraKeL: pip install"):
        label_histograms(HAND, 1)
