import math

import pytest
import torch
from torch.nn.functional import conv1d

from benchmarks.methods import load_method
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import make_settings
from benchmarks.training.prepared import PreparedLoader
from pyg_diffpool import ResidentLoader
from pyg_diffpool.datasets import CommunityChains
from tests.benchmarks.methods.graph_batches import (
    NUM_CLASSES,
    NUM_FEATURES,
    logits,
    odd_graphs,
    permuted,
    random_graph,
    trained_two_epochs,
)

METHOD = load_method("patchysan")
SMALL = {"num_fields": 12, "field_size": 4}


def build(num_features=NUM_FEATURES, **changes):
    settings = make_settings(METHOD.DEFAULTS, {**SMALL, **changes})
    clusters = [3] * settings.num_pools
    return METHOD.build(
        settings, Problem(num_features, NUM_CLASSES, clusters, torch.tensor([5, 12]))
    )


def prepared(graph, **changes):
    graph.update(METHOD.prepare(graph, make_settings({**SMALL, **changes})))
    return graph


def test_it_is_the_papers_convolution_along_the_fields():
    net, graph = build().eval(), prepared(random_graph(9, 12))
    places = graph.x[graph.field_index] * graph.field_mask.view(-1, 1)
    kernel = net.fields.weight.view(16, 4, NUM_FEATURES).transpose(1, 2)
    with torch.no_grad():
        rows = conv1d(places.T.unsqueeze(0), kernel, net.fields.bias, stride=4).relu()
        assert rows.shape == (1, 16, 12)
        seen = conv1d(rows, net.conv.weight, net.conv.bias).relu()
        assert seen.shape == (1, 8, 12 - 10 + 1)
        torch.testing.assert_close(logits(net, [graph]), net.classifier(seen.flatten(1)))
    # Three fields of twelve have no root: nothing but the bias.
    torch.testing.assert_close(rows[0, :, 9:], net.fields.bias.relu().view(-1, 1).expand(-1, 3))


def test_node_order_does_not_matter_where_no_tie_is_left():
    net, graph = build(), random_graph(12, 25)
    moved = permuted(graph, torch.randperm(12))
    torch.testing.assert_close(logits(net, [prepared(moved)]), logits(net, [prepared(graph)]))


def test_it_learns_in_two_epochs():
    dataset, settings = CommunityChains(60, length=2), make_settings(SMALL)
    graphs = [METHOD.prepare(data, settings) for data in dataset]
    loader = PreparedLoader(ResidentLoader(dataset, 10), graphs)
    curve = trained_two_epochs(build(10), loader).curves["train_cross_entropy"]
    assert all(map(math.isfinite, curve))
    assert curve[1] < curve[0]


@pytest.mark.parametrize("num_fields", [3, 12])
def test_single_nodes_and_edgeless_graphs_answer_as_they_do_alone(num_fields):
    net = build(num_fields=num_fields)
    graphs = [prepared(graph, num_fields=num_fields) for graph in odd_graphs()]
    together = logits(net, graphs)
    alone = torch.cat([logits(net, [graph]) for graph in graphs])
    assert together.isfinite().all()
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize(("name", "value"), [("num_pools", 1), ("num_fields", None)])
def test_settings_that_contradict_it_are_refused(name, value):
    with pytest.raises(UsageError, match=f"setting {name}"):
        build(**{name: value})
