import pytest
import torch
from torch import nn
from torch_geometric.nn import NNConv

from benchmarks.methods.ecc import ECC, EdgeConditionedConv
from tests.benchmarks.methods.networks import (
    NUM_CLASSES,
    NUM_FEATURES,
    batch_of,
    random_graph,
    small_network,
    small_settings,
)


def network(edge_channels=0, num_layers=(1, 1), normalize=True):
    return ECC(
        *(NUM_FEATURES, 8, NUM_CLASSES),
        edge_channels=edge_channels,
        num_layers=list(num_layers),
        edge_hidden=3,
        normalize=normalize,
        reduce="mean",
        mlp_channels=8,
        dropout=0.0,
    )


def arguments(graphs, **more):
    batch = batch_of("ecc", small_settings("ecc"), graphs)
    names = ("coarse_index", "coarse_weight", "coarse_level", "parent_index")
    given = {name: batch[name] for name in names}
    return batch.x, batch.edge_index, batch.batch, len(graphs), *given.values()


@pytest.mark.parametrize("edges", [0, 1, 30])
def test_the_convolution_is_pygs_nnconv_gradients_included(edges):
    ours = EdgeConditionedConv(4, 5, 2, 6)
    filters = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 20))
    theirs = NNConv(4, 5, filters, aggr="mean")
    theirs.load_state_dict(ours.state_dict())
    x, edge_index = torch.randn(9, 4, requires_grad=True), torch.randint(9, (2, edges))
    edge_attr = torch.randn(edges, 2)
    results = []
    for conv in (ours, theirs):
        out = conv(x, edge_index, edge_attr)
        results.append((out, *torch.autograd.grad(out.square().sum(), [x, *conv.parameters()])))
    for mine, other in zip(*results, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)


def test_coarse_nodes_take_the_maximum_over_the_nodes_they_stand_for():
    # 0 - 1 - 2 and 3 - 4: nodes 1 and 3 stand for all; then 1 stands for both.
    x = torch.randn(5, NUM_FEATURES)
    parent_index = torch.tensor([[1, 1, 1, 3, 3], [1, 1, 1, 1, 1]])
    model = network(num_layers=(0, 0, 0))
    model.classifier = nn.Identity()
    none = torch.empty(2, 0, dtype=torch.long)
    levels = (none, torch.empty(0), torch.empty(0, dtype=torch.long))
    out = model(x, none, torch.zeros(5, dtype=torch.long), 1, *levels, parent_index)
    torch.testing.assert_close(out, x.amax(0, keepdim=True))
    once = network(num_layers=(0, 0))
    once.classifier = nn.Identity()
    out = once(x, none, torch.tensor([0, 0, 0, 1, 1]), 2, *levels, parent_index[:1])
    torch.testing.assert_close(out, torch.stack([x[:3].amax(0), x[3:].amax(0)]))


def test_coarse_edges_and_their_weights_are_used():
    model = network().eval()
    given = list(arguments([random_graph(15, 0)]))
    before = model(*given)
    given[5] = given[5] * 2
    assert not torch.allclose(model(*given), before, atol=1e-5)


def test_edge_labels_condition_the_filters_where_there_are_any():
    model = network(edge_channels=2).eval()
    given = arguments([random_graph(15, 0)])
    labels = torch.eye(2)[torch.arange(given[1].size(1)) % 2]
    swapped = model(*given, edge_attr=labels.flip(1))
    assert not torch.allclose(model(*given, edge_attr=labels), swapped, atol=1e-5)


def test_without_labels_the_difference_of_the_ends_does():
    model = network()
    x = torch.randn(3, NUM_FEATURES)
    edges = torch.tensor([[0, 2], [1, 0]])
    made = model._conditions(x, edges, torch.tensor([1.0, 0.5]), None)
    expected = torch.stack([(x[0] - x[1]).abs(), (x[2] - x[0]).abs()])
    torch.testing.assert_close(made, torch.cat([expected, torch.tensor([[1.0], [0.5]])], 1))


def test_one_outlier_does_not_rule_the_running_statistics():
    torch.manual_seed(0)
    graphs = [random_graph(15, seed) for seed in range(6)]
    graphs[0].x[3] *= 50
    given = arguments(graphs)
    spread = {}
    for normalize in (True, False):
        model = network(num_layers=(3, 2), normalize=normalize).train()
        model(*given)
        spread[normalize] = max(float(norm.module.running_var.max()) for norm in model.norms)
    assert spread[True] < 2 < 20 < spread[False]


def test_the_number_of_levels_is_a_setting():
    settings = small_settings("ecc", pyramid_levels=3, num_layers=2, num_layers_after=1)
    assert len(small_network("ecc", settings, [5]).convs) == 2 + 3
    flat = small_settings("ecc", pyramid_levels=0)
    model = small_network("ecc", flat, [5]).eval()
    batch = batch_of("ecc", flat, [random_graph(6, 0), random_graph(1, 1)])
    names = ("coarse_index", "coarse_weight", "coarse_level", "parent_index")
    out = model(batch.x, batch.edge_index, batch.batch, 2, *(batch[name] for name in names))
    assert out.isfinite().all()
