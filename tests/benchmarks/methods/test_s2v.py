import math

import pytest
import torch
from torch_geometric.utils import scatter

from benchmarks.methods import load_method
from benchmarks.methods.parts.mean_field import MeanField
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import make_settings
from pyg_diffpool import GNNBlock
from tests.benchmarks.methods.graph_batches import (
    NUM_CLASSES,
    NUM_FEATURES,
    chains_loader,
    logits,
    odd_graphs,
    permuted,
    random_graph,
    trained_two_epochs,
)

POOLS = {"s2v": 0, "s2v-diffpool1": 1, "s2v-diffpool2": 2}
every_method = pytest.mark.parametrize("method", POOLS)


def build(method, num_features=NUM_FEATURES, **changes):
    module = load_method(method)
    settings = make_settings(module.DEFAULTS, {"hidden_channels": 8, **changes})
    clusters = [4, 2, 1][: settings.num_pools]
    return module.build(
        settings, Problem(num_features, NUM_CLASSES, clusters, torch.tensor([5, 12]))
    )


@every_method
def test_three_rounds_of_which_one_precedes_each_pooling(method):
    net = build(method)
    rounds = [module.num_rounds for module in net.modules() if isinstance(module, MeanField)]
    assert rounds == {0: [3], 1: [1, 2], 2: [1, 1, 1]}[POOLS[method]]
    assert [type(pool.assign.block) for pool in net.pools] == [GNNBlock] * POOLS[method]


def test_flat_it_is_the_sum_over_nodes_and_an_mlp():
    net, graph = build("s2v").eval(), random_graph(9, 15)
    with torch.no_grad():
        latent = net.last(graph.x, graph.edge_index)
        expected = net.classifier(latent.sum(0, keepdim=True))
    torch.testing.assert_close(logits(net, [graph]), expected)


def test_the_mean_field_is_what_is_pooled():
    net, graph = build("s2v-diffpool1").eval(), random_graph(9, 15)
    with torch.no_grad():
        level = net(graph.x, graph.edge_index).levels[0]
        latent = net.pools[0].embed(graph.x, graph.edge_index)
    torch.testing.assert_close(level.embedding, latent)
    torch.testing.assert_close(level.x[0], level.assignment.T @ latent)
    source, target = graph.edge_index
    joined = scatter(level.assignment[target], source, 0, graph.num_nodes)
    torch.testing.assert_close(level.adj[0], level.assignment.T @ joined)


@every_method
def test_it_learns_in_two_epochs(method):
    torch.manual_seed(1)
    result = trained_two_epochs(build(method, 10), chains_loader(), learning_rate=0.002)
    curve = result.curves["train_cross_entropy"]
    assert all(map(math.isfinite, curve))
    assert curve[1] < curve[0]
    assert len([name for name in result.curves if name.startswith("link_")]) == POOLS[method]


@every_method
def test_side_objectives_are_weighted_by_the_settings(method):
    graph = random_graph(9, 15)
    torch.manual_seed(2)
    both = build(method)(graph.x, graph.edge_index).loss
    torch.manual_seed(2)
    none = build(method, link_weight=0.0, entropy_weight=0.0)(graph.x, graph.edge_index).loss
    assert none == 0
    assert (both > 0) == (POOLS[method] > 0)


@every_method
def test_node_order_does_not_matter(method):
    net, graph = build(method), random_graph(12, 25)
    moved = permuted(graph, torch.randperm(12))
    torch.testing.assert_close(logits(net, [moved]), logits(net, [graph]))


@every_method
def test_single_nodes_and_edgeless_graphs_answer_as_they_do_alone(method):
    net, graphs = build(method, per_graph_clusters=POOLS[method] > 0), odd_graphs()
    together = logits(net, graphs)
    alone = torch.cat([logits(net, [graph]) for graph in graphs])
    assert together.isfinite().all()
    torch.testing.assert_close(together, alone)


@every_method
def test_another_number_of_poolings_is_refused(method):
    pools = POOLS[method] + 1
    with pytest.raises(UsageError, match="setting num_pools"):
        build(method, num_pools=pools)


def test_fewer_rounds_than_poolings_are_refused():
    with pytest.raises(UsageError, match=r"setting num_layers: .* \(2\), got 1"):
        build("s2v-diffpool2", num_layers=1)
