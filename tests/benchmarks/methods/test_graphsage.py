import torch

from pyg_diffpool import DiffPoolNet
from tests.benchmarks.methods.networks import (
    NUM_CLASSES,
    NUM_FEATURES,
    answers,
    random_graph,
    small_network,
    small_settings,
)


def test_graphsage_is_the_flat_network_with_a_mean():
    net = small_network("graphsage", small_settings("graphsage"), [12])
    torch.manual_seed(0)
    flat = DiffPoolNet(NUM_FEATURES, 8, NUM_CLASSES, max_clusters=[], readout="mean")
    graph = random_graph(12, 0)
    torch.testing.assert_close(answers(net, graph), answers(flat, graph))
