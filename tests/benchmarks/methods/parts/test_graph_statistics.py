import numpy as np
import torch

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
