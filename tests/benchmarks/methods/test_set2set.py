import math

import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.nn.aggr import Set2Set

from benchmarks.errors import UsageError
from benchmarks.methods import load_method
from benchmarks.problem import Problem
from benchmarks.settings import make_settings
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


def build(num_features=NUM_FEATURES, **changes):
    method = load_method("set2set")
    settings = make_settings(method.DEFAULTS, {"hidden_channels": 8, **changes})
    problem = Problem(num_features, NUM_CLASSES, [], torch.tensor([5, 12]))
    return method.build(settings, problem)


@pytest.mark.parametrize("steps", [1, 3])
def test_the_readout_is_pygs_set2set_of_graphsages_node_embeddings(steps):
    torch.manual_seed(3)
    model = build(processing_steps=steps).eval()
    torch.manual_seed(3)
    flat = load_method("graphsage").build(
        make_settings({"num_pools": 0, "hidden_channels": 8}),
        Problem(NUM_FEATURES, NUM_CLASSES, [], torch.tensor([5])),
    )
    batch = Batch.from_data_list([random_graph(12, 20), random_graph(9, 15, 1)])
    read = Set2Set(24, steps)
    read.load_state_dict(model.readout.state_dict())
    with torch.no_grad():
        embedding = flat.eval().last(batch.x, batch.edge_index)
        expected = model.classifier(read(embedding, batch.batch, dim_size=2))
        ours = model(batch.x, batch.edge_index, batch.batch, 2)
    torch.testing.assert_close(ours, expected)


def test_it_learns_in_two_epochs():
    curve = trained_two_epochs(build(10), chains_loader()).curves["train_cross_entropy"]
    assert all(map(math.isfinite, curve))
    assert curve[1] < curve[0]


def test_node_order_does_not_matter():
    model, graph = build(), random_graph(12, 25)
    moved = permuted(graph, torch.randperm(12))
    torch.testing.assert_close(logits(model, [moved]), logits(model, [graph]))


def test_single_nodes_and_edgeless_graphs_answer_as_they_do_alone():
    model, graphs = build(), odd_graphs()
    together = logits(model, graphs)
    alone = torch.cat([logits(model, [graph]) for graph in graphs])
    assert together.isfinite().all()
    torch.testing.assert_close(together, alone)


def test_poolings_are_refused():
    problem = Problem(NUM_FEATURES, NUM_CLASSES, [3], torch.tensor([5]))
    with pytest.raises(UsageError, match="num_pools"):
        load_method("set2set").build(make_settings({"num_pools": 1}), problem)
