from collections import Counter
from itertools import combinations

import joblib
import numpy as np
import pytest

from benchmarks.kernels import graphlets
from benchmarks.kernels.graphlets import graphlet_counts
from benchmarks.methods import graphlet
from tests.benchmarks.kernels.small_graphs import (
    HAND,
    TRIANGLE,
    grams_of,
    labelled,
    permuted,
    random_graphs,
)


def brute_force(labels, adjacency):
    """Look at every triple of nodes; return counts by (kind, labels)."""
    adjacent = adjacency.toarray() != 0
    counts = Counter()
    for triple in combinations(range(len(labels)), 3):
        degrees = adjacent[np.ix_(triple, triple)].sum(axis=1)
        own = labels[list(triple)]
        if degrees.sum() == 6:
            counts[("triangle", *sorted(own))] += 1
        elif degrees.sum() == 4:
            counts[("wedge", own[degrees == 2].item(), *sorted(own[degrees == 1]))] += 1
    return counts


def named_counts(graphs, number):
    """Return ours in the same form."""
    size = graphs.num_labels
    codes, counts = graphlet_counts(*graphs.graph(number), num_labels=size)
    named = {}
    for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
        kind, rest = divmod(code, size**3)
        labels = (rest // size**2, rest // size % size, rest % size)
        named[("wedge" if kind else "triangle", *labels)] = count
    return named


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


@pytest.mark.parametrize("blocks", ["one", "many"])
@pytest.mark.parametrize("num_labels", [1, 2, 5])
def test_equals_brute_force(num_labels, blocks, monkeypatch):
    if blocks == "many":
        monkeypatch.setattr(graphlets, "_MAX_PAIRS", 3)
        monkeypatch.setattr(graphlets, "_MAX_DENSE", 20)
    graphs = random_graphs(number=20, num_labels=num_labels, seed=num_labels)
    types = set()
    for number in range(graphs.num_graphs):
        expected = brute_force(*graphs.graph(number))
        assert named_counts(graphs, number) == expected
        types |= set(expected)
    assert {"triangle", "wedge"} <= {kind for kind, *_ in types}


def test_node_order_and_parts_do_not_matter():
    graphs = random_graphs(seed=1)
    (gram,) = grams_of(graphlet, graphs)
    np.testing.assert_array_equal(grams_of(graphlet, permuted(graphs))[0], gram)
    with joblib.parallel_config("threading"):
        np.testing.assert_array_equal(grams_of(graphlet, graphs, jobs=2)[0], gram)
