import numpy as np
import torch
from sklearn.svm import SVC

from benchmarks.methods.parts.graph_statistics import node_statistics
from benchmarks.methods.statistics import describe_graphs, estimator


def test_the_size_stands_beside_the_statistics():
    sizes = torch.tensor([2, 4])
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    described = describe_graphs(x, sizes)
    np.testing.assert_allclose(described[:, :-1], node_statistics(x, sizes))
    np.testing.assert_allclose(described[:, -1], np.log([2, 4]))


def test_the_machine_is_radial_on_standardised_columns():
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(60, 4)) * [1, 10, 100, 1] + [0, 5, 0, 3]
    labels = (rows[:, 1] > 5) ^ (rows[:, 2] > 0)
    fitted = estimator(4, C=10.0, width=2.0).fit(rows[:40], labels[:40])
    mean, std = rows[:40].mean(0), rows[:40].std(0)
    by_hand = SVC(C=10.0, gamma=0.5).fit((rows[:40] - mean) / std, labels[:40])
    expected = by_hand.decision_function((rows[40:] - mean) / std)
    np.testing.assert_allclose(fitted.decision_function(rows[40:]), expected, rtol=1e-6)
