import numpy as np
import pytest
from scipy import sparse

from benchmarks.kernels import gram as gram_module
from benchmarks.kernels.gram import in_unary, intersection_gram, linear_gram, normalised


@pytest.fixture
def histograms():
    return np.random.default_rng(0).integers(0, 5, (9, 6)) * (np.arange(6) != 2)


@pytest.mark.parametrize("jobs", [1, 2])
def test_grams_of_all_blocks(histograms, jobs, monkeypatch):
    monkeypatch.setattr(gram_module, "_BLOCK_ROWS", 4)
    told = []
    counts = sparse.csr_array(histograms.astype(float))
    gram = linear_gram(counts, jobs, lambda *progress: told.append(progress), "dots")
    np.testing.assert_array_equal(gram, histograms @ histograms.T)
    assert told[-1] == ("dots", 9, 9)
    expected = np.minimum(histograms[:, None], histograms[None]).sum(axis=2)
    np.testing.assert_array_equal(intersection_gram(counts, jobs), expected)


def test_unary_columns_say_how_often_a_count_is_reached(histograms):
    unary = in_unary(sparse.csr_array(histograms.astype(float)))
    assert unary.shape == (9, histograms.max(axis=0).sum())
    assert set(unary.data.tolist()) == {1.0}
    np.testing.assert_array_equal(unary.sum(axis=1), histograms.sum(axis=1))


def test_cosines_and_a_graph_without_features():
    features = np.array([[3.0, 4.0], [6.0, 8.0], [0.0, 0.0], [4.0, -3.0]])
    cosines = normalised(features @ features.T)
    expected = np.zeros((4, 4))
    expected[:2, :2] = 1
    expected[3, 3] = 1
    np.testing.assert_allclose(cosines, expected, atol=1e-15)
