from collections import Counter

import numpy as np
import pytest

from benchmarks.kernels import shortest_paths
from benchmarks.kernels.shortest_paths import shortest_path_counts
from tests.benchmarks.kernels.small_graphs import labelled, random_graphs


def breadth_first(labels, adjacency):
    """Walk from every node; return counts by (label, label, distance)."""
    counts = Counter()
    for source in range(len(labels)):
        seen, front, distance = {source}, {source}, 0
        while front:
            distance += 1
            front = {int(v) for u in front for v in adjacency[[u]].nonzero()[1]} - seen
            seen |= front
            counts.update((int(labels[source]), int(labels[v]), distance) for v in front)
    return counts


def named_counts(labels, adjacency, num_labels, max_nodes):
    """Return ours in the same form."""
    codes, counts = shortest_path_counts(labels, adjacency, num_labels, max_nodes)
    assert codes.tolist() == sorted(codes.tolist())
    named = {}
    for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
        ends, distance = divmod(code, max_nodes)
        named[(*divmod(ends, num_labels), distance)] = count
    return named


@pytest.mark.parametrize("rows", [2**22, 7])
@pytest.mark.parametrize("num_labels", [1, 4])
def test_equals_a_walk_from_every_node(num_labels, rows, monkeypatch):
    monkeypatch.setattr(shortest_paths, "_MAX_DISTANCES", rows)
    graphs = random_graphs(number=15, num_labels=num_labels, seed=num_labels)
    longest = 0
    for number in range(graphs.num_graphs):
        expected = breadth_first(*graphs.graph(number))
        assert named_counts(*graphs.graph(number), num_labels, max_nodes=11) == expected
        longest = max([longest, *(distance for *_, distance in expected)])
    assert longest >= 3


def test_a_path_and_a_node_that_nothing_reaches():
    labels, adjacency = labelled(([2, 0, 2, 1], [(0, 1), (1, 2)])).graph(0)
    expected = {(2, 0, 1): 2, (0, 2, 1): 2, (2, 2, 2): 2}
    assert named_counts(labels, adjacency, num_labels=3, max_nodes=9) == expected


def test_a_graph_without_nodes_has_no_paths():
    labels, adjacency = labelled(([], [])).graph(0)
    codes, counts = shortest_path_counts(labels, adjacency, 3, 9)
    assert (codes.dtype, codes.size, counts.size) == (np.int64, 0, 0)
