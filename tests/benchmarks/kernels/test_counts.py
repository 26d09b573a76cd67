from collections import Counter

import joblib
import numpy as np
import pytest

from benchmarks.kernels import counts
from benchmarks.kernels.counts import count_matrix, sum_by_code
from tests.benchmarks.kernels.small_graphs import labelled, random_graphs


@pytest.mark.parametrize("table", [2**20, 0], ids=["table", "sorted"])
@pytest.mark.parametrize(
    ("codes", "weights", "expected"),
    [
        ([5, 2, 5, 9], None, {2: 1, 5: 2, 9: 1}),
        # Codes whose weights add up to nothing do not occur.
        ([5, 2, 5, 9], [1, 2, -1, 0], {2: 2}),
        ([7, 7, 7], [2**52, 1, 1], {7: 2**52 + 2}),
        ([], None, {}),
    ],
)
def test_weights_are_summed_by_code(codes, weights, expected, table, monkeypatch):
    monkeypatch.setattr(counts, "_DENSE_TABLE", table)
    weights = None if weights is None else np.array(weights)
    found, sums = sum_by_code(np.array(codes, dtype=np.int64), weights, num_codes=10**5)
    assert dict(zip(found.tolist(), sums.tolist(), strict=True)) == expected
    assert found.tolist() == sorted(found.tolist())


def label_counts(labels, adjacency):
    """Count 10 times each label, and 1 for the number of edges."""
    codes = np.concatenate([10 * labels, np.full(adjacency.nnz // 2, 1)])
    return sum_by_code(codes, None, 100)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_row_a_graph_and_a_column_a_code_that_occurs(jobs):
    graphs, told = random_graphs(number=70, num_labels=3), []
    with joblib.parallel_config("threading"):
        matrix = count_matrix(graphs, label_counts, jobs, lambda *line: told.append(line), "labels")
    expected = np.zeros((70, 4))
    for number in range(70):
        labels, adjacency = graphs.graph(number)
        for label, times in Counter(labels.tolist()).items():
            expected[number, {0: 0, 1: 2, 2: 3}[label]] = times
        expected[number, 1] = adjacency.nnz // 2
    np.testing.assert_array_equal(matrix.toarray(), expected)
    assert told[-1] == ("labels", 70, 70)
    assert [done for _, done, _ in told] == sorted({done for _, done, _ in told})


def test_one_graph_and_one_large_graph_among_small_ones():
    for sizes in ([3], [1, 1, 40, 1, 1]):
        graphs = labelled(*(([0] * size, []) for size in sizes))
        matrix = count_matrix(graphs, label_counts, jobs=1)
        assert matrix.toarray().ravel().tolist() == sizes
