from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from benchmarks.kernels import graphlets
from benchmarks.kernels.graphlets import graphlet_counts
from tests.benchmarks.kernels.small_graphs import random_graphs


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
