import numpy as np
import torch

from benchmarks.methods import load_estimator
from benchmarks.methods.parts.graph_statistics import log_sizes, node_statistics


def test_statistics_are_those_of_each_graph_alone():
    sizes = torch.tensor([3, 0, 1, 40])
    # More features than are taken at a time.
    x = torch.randn(int(sizes.sum()), 37, generator=torch.Generator().manual_seed(0))
    found = node_statistics(x, sizes)
    start = 0
    for graph, size in enumerate(sizes.tolist()):
        rows = x[start : start + size].double().numpy()
        start += size
        if size == 0:
            expected = np.zeros(4 * 37)
        else:
            expected = np.concatenate([rows.sum(0), rows.mean(0), rows.std(0), rows.max(0)])
        np.testing.assert_allclose(found[graph], expected, atol=1e-12)


def test_sizes_are_taken_by_their_logarithm():
    np.testing.assert_allclose(log_sizes(torch.tensor([1, 10, 0])), [[0], [np.log(10)], [0]])


def test_statistics_see_the_size_beside_the_features():
    x, sizes = torch.ones(6, 2), torch.tensor([2, 4])
    described = load_estimator("statistics").describe_graphs(x, sizes)
    assert described.shape == (2, 4 * 2 + 1)
    np.testing.assert_allclose(described[:, -1], np.log([2, 4]))
    assert load_estimator("size").describe_graphs(x, sizes).shape == (2, 1)


def test_estimators_learn_what_they_describe():
    generator = torch.Generator().manual_seed(0)
    sizes = torch.randint(2, 60, (80,), generator=generator)
    labels = (sizes > 30).long().numpy()
    x = torch.randn(int(sizes.sum()), 1, generator=generator)
    for method, parameters in (("size", {"C": 10.0}), ("statistics", {"C": 10.0, "width": 1.0})):
        module = load_estimator(method)
        described = module.describe_graphs(x, sizes)
        pipeline = module.estimator(described.shape[1], **parameters)
        pipeline.fit(described[:60], labels[:60])
        assert pipeline.score(described[60:], labels[60:]) >= 0.85
