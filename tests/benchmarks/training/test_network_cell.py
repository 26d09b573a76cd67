import torch

from benchmarks.spec.settings import make_settings
from benchmarks.training.network_cell import cluster_numbers


def test_clusters_come_from_the_training_graphs_and_the_cap():
    sizes = torch.tensor([30, 7, 126])
    tenth = make_settings({"num_pools": 1, "cluster_ratio": 0.1})
    assert cluster_numbers(sizes, tenth) == [13]
    assert cluster_numbers(sizes[:2], tenth) == [3]
    quarter = make_settings({"num_pools": 2, "cluster_ratio": 0.25})
    assert cluster_numbers(sizes, quarter) == [32, 8]
    capped = make_settings({"num_pools": 3, "cluster_ratio": 0.25, "max_clusters": 20})
    assert cluster_numbers(sizes, capped) == [20, 5, 2]
    assert cluster_numbers(sizes, make_settings({"num_pools": 0})) == []
