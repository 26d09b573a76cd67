import math

import pytest
import torch
from torch_geometric.data import Batch

from benchmarks.methods import build_network, load_method
from benchmarks.methods.parts.edge_block import EdgeBlock
from benchmarks.spec.settings import make_settings
from benchmarks.training.forward import Forward
from pyg_diffpool import AnnealedTemperature, DiffPoolNet, SparsePooledGraph
from tests.benchmarks.methods.networks import (
    NUM_CLASSES,
    NUM_FEATURES,
    answers,
    random_graph,
    small_network,
    small_problem,
    small_settings,
)


@pytest.mark.parametrize("preset", ["none", "paper", "reference"])
def test_it_is_the_library_s_network_with_the_named_settings(preset):
    named = {"num_layers": 2, "readout": "sum", "entropy_weight": 0.5}
    settings = make_settings({"preset": preset, "hidden_channels": 8, "num_pools": 2, **named})
    net = small_network("diffpool", settings, [12])
    make = DiffPoolNet if preset == "none" else getattr(DiffPoolNet, preset)
    # Without a preset the runner's own defaults, which differ from the library's in nothing.
    torch.manual_seed(0)
    theirs = make(NUM_FEATURES, 8, NUM_CLASSES, max_clusters=[4, 2], **named)
    graph = random_graph(12, 0)
    torch.testing.assert_close(answers(net, graph), answers(theirs, graph))


@pytest.mark.parametrize("nodes", [5, 12])
def test_clusters_may_follow_each_graphs_own_size(nodes):
    settings = small_settings("diffpool", per_graph_clusters=True, num_pools=1, cluster_ratio=0.2)
    net = small_network("diffpool", settings, [12]).eval()
    graph = random_graph(nodes, 0)
    level = net(graph.x, graph.edge_index).levels[0]
    assert int(level.mask.sum()) == math.ceil(0.2 * nodes)


@pytest.mark.parametrize("convention", ["paper", "reference", "pyg"])
def test_the_default_scale_goes_with_every_convention(convention):
    settings = make_settings({"hidden_channels": 8, "convention": convention})
    net = small_network("diffpool", settings, [12])
    assert net.pools[0].convention == convention
    assert net.pools[0].scale == ("nodes" if convention == "paper" else None)


@pytest.mark.parametrize("preset", ["none", "paper", "reference"])
def test_objectives_by_name(preset):
    given = {"objectives": {"cut": 0.5, "orthogonality": 1.0}, "preset": preset, "num_pools": 2}
    net = small_network("diffpool", make_settings({"hidden_channels": 8, **given}), [12])
    assert [pool.objective_weights for pool in net.pools] == [given["objectives"]] * 2


def test_levels_may_be_sparse_without_a_cap():
    given = {"assignment": "sparsemax", "sparse_level": True, "per_graph_clusters": True}
    net = small_network("diffpool", make_settings({"hidden_channels": 8, **given}), [12]).eval()
    graph = random_graph(12, 0)
    level = net(graph.x, graph.edge_index).levels[0]
    assert isinstance(level, SparsePooledGraph)
    assert level.x.size(0) == math.ceil(0.1 * 12)


def test_assignments_and_their_temperature():
    given = {"assignment": "entmax15", "temperature": 2.0, "num_pools": 2}
    net = small_network("diffpool", make_settings({"hidden_channels": 8, **given}), [12])
    assert [pool.assignment for pool in net.pools] == ["entmax15"] * 2
    assert [pool.temperature for pool in net.pools] == [2.0] * 2
    given |= {"final_temperature": 0.5, "annealing_steps": 7, "preset": "paper"}
    net = small_network("diffpool", make_settings({"hidden_channels": 8, **given}), [12])
    annealed = net.pools[1].temperature
    assert isinstance(annealed, AnnealedTemperature)
    assert (annealed.start, annealed.stop, annealed.num_steps) == (2.0, 0.5, 7)


def test_edge_features_reach_every_level():
    settings = small_settings("diffpool", edge_features=True, num_pools=2)
    problem = small_problem(settings, [12])._replace(num_edge_features=3)
    net = load_method("diffpool").build(settings, problem)
    assert all(isinstance(each, EdgeBlock) for each in (*(p.embed for p in net.pools), net.last))
    graph = random_graph(12, 0)
    graph.edge_attr = torch.randn(graph.edge_index.size(1), 3, requires_grad=True)
    forward = Forward(net.eval())
    assert not forward.takes_adjacency
    batch = Batch.from_data_list([graph, graph])
    answer = forward(batch)
    assert [level.edge_attr.shape for level in answer.levels] == [(2, 4, 4, 3), (2, 2, 2, 3)]
    answer.logits.sum().backward()
    assert graph.edge_attr.grad.count_nonzero() > 0
    batch.edge_attr = 2 * batch.edge_attr
    assert not torch.allclose(forward(batch).logits, answer.logits)


def test_without_the_setting_edge_features_are_left_alone():
    net = small_network("diffpool", small_settings("diffpool"), [12]).eval()
    graph = random_graph(12, 0)
    graph.edge_attr = torch.randn(graph.edge_index.size(1), 3)
    assert Forward(net)(Batch.from_data_list([graph])).levels[0].edge_attr is None


def test_edge_features_come_from_the_encoder():
    settings = small_settings("diffpool", edge_features=True, num_pools=1)
    problem = small_problem(settings, [12])._replace(num_edge_features=3, encoder="edge")
    encoded = build_network("diffpool", settings, problem)
    graph = random_graph(12, 0)
    graph.edge_attr = torch.randn(graph.edge_index.size(1), 3)
    answer = Forward(encoded)(Batch.from_data_list([graph, graph]))
    (level,) = answer.levels
    assert level.edge_attr.shape == (2, 4, 4, 8)
    level.edge_attr.sum().backward()
    assert encoded.encoder.edge.weight.grad.count_nonzero() > 0
