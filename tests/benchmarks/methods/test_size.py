import numpy as np
import torch

from benchmarks.methods.size import describe_graphs, estimator


def test_features_are_not_looked_at():
    x, sizes = torch.randn(6, 2), torch.tensor([2, 4])
    np.testing.assert_allclose(describe_graphs(x, sizes), np.log([[2], [4]]))


def test_sizes_that_tell_the_classes_are_learnt():
    sizes = torch.arange(2, 62)
    described = describe_graphs(torch.zeros(int(sizes.sum()), 1), sizes)
    labels = (sizes > 30).numpy()
    pipeline = estimator(1, C=100.0).fit(described[::2], labels[::2])
    assert pipeline.score(described[1::2], labels[1::2]) > 0.9
    penalised = estimator(1, C=1e-3).fit(described[::2], labels[::2])
    assert abs(penalised[-1].coef_.item()) < 0.1 * abs(pipeline[-1].coef_.item())
