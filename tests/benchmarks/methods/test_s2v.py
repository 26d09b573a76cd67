import pytest
import torch
from torch_geometric.utils import scatter

from benchmarks.methods.parts.mean_field import MeanField
from pyg_diffpool import GNNBlock
from tests.benchmarks.methods.networks import random_graph, small_network, small_settings

POOLS = {"s2v": 0, "s2v-diffpool1": 1, "s2v-diffpool2": 2}
every_method = pytest.mark.parametrize("method", POOLS)


def build(method, **changes):
    return small_network(method, small_settings(method, **changes), [5, 12])


@every_method
def test_three_rounds_of_which_one_precedes_each_pooling(method):
    net = build(method)
    rounds = [module.num_rounds for module in net.modules() if isinstance(module, MeanField)]
    assert rounds == {0: [3], 1: [1, 2], 2: [1, 1, 1]}[POOLS[method]]
    assert [type(pool.assign.block) for pool in net.pools] == [GNNBlock] * POOLS[method]


def test_flat_it_is_the_sum_over_nodes_and_an_mlp():
    net, graph = build("s2v").eval(), random_graph(9, 0)
    with torch.no_grad():
        latent = net.last(graph.x, graph.edge_index)
        expected = net.classifier(latent.sum(0, keepdim=True))
    torch.testing.assert_close(net(graph.x, graph.edge_index).logits, expected)


def test_the_mean_field_is_what_is_pooled():
    net, graph = build("s2v-diffpool1").eval(), random_graph(9, 0)
    with torch.no_grad():
        level = net(graph.x, graph.edge_index).levels[0]
        latent = net.pools[0].embed(graph.x, graph.edge_index)
    torch.testing.assert_close(level.embedding, latent)
    torch.testing.assert_close(level.x[0], level.assignment.T @ latent)
    source, target = graph.edge_index
    joined = scatter(level.assignment[target], source, 0, graph.num_nodes)
    torch.testing.assert_close(level.adj[0], level.assignment.T @ joined)


@every_method
def test_side_objectives_are_weighted_by_the_settings(method):
    graph = random_graph(9, 0)
    torch.manual_seed(2)
    both = build(method)(graph.x, graph.edge_index).loss
    if POOLS[method] == 0:
        # The flat network refuses the weights: there is nothing that they could weigh.
        assert both == 0
        return
    torch.manual_seed(2)
    none = build(method, link_weight=0.0, entropy_weight=0.0)(graph.x, graph.edge_index).loss
    assert none == 0
    assert both > 0
