import math

import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.nn.aggr import Set2Set

from benchmarks.data.task import Multiclass
from benchmarks.methods import load_method
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import make_settings
from benchmarks.training.classifier import train
from pyg_diffpool import ResidentLoader
from pyg_diffpool.datasets import CommunityChains
from tests.benchmarks.methods.networks import random_graph, small_network, small_settings


@pytest.mark.parametrize("steps", [1, 3])
def test_the_readout_is_pygs_set2set_of_graphsages_node_embeddings(steps):
    flat = small_network("graphsage", small_settings("graphsage"), [12]).eval()
    model = small_network("set2set", small_settings("set2set", processing_steps=steps), [12]).eval()
    batch = Batch.from_data_list([random_graph(12, 0), random_graph(9, 1)])
    model.block.load_state_dict(flat.last.state_dict())
    read = Set2Set(flat.last.out_channels, steps)
    read.load_state_dict(model.readout.state_dict())
    with torch.no_grad():
        embedding = flat.last(batch.x, batch.edge_index)
        expected = model.classifier(read(embedding, batch.batch, dim_size=2))
        ours = model(batch.x, batch.edge_index, batch.batch, 2)
    torch.testing.assert_close(ours, expected)


def test_node_network_and_classifier_are_those_of_graphsage():
    flat = small_network("graphsage", small_settings("graphsage"), [12])
    model = small_network("set2set", small_settings("set2set"), [12])
    assert repr(model.block) == repr(flat.last)
    assert repr(model.classifier[1:]) == repr(flat.classifier[1:])
    assert model.classifier[0].in_features == 2 * flat.classifier[0].in_features


def test_it_learns_in_two_epochs():
    loader = ResidentLoader(CommunityChains(60, length=2), 10)
    settings = make_settings({"num_pools": 0, "epochs": 2, "learning_rate": 0.005})
    model = load_method("set2set").build(settings, Problem(10, 3, [], torch.tensor([40])))
    first, second = train(model, loader, loader, settings, Multiclass(3)).curves[
        "train_cross_entropy"
    ]
    assert math.isfinite(first)
    assert second < first


def test_poolings_are_refused():
    with pytest.raises(UsageError, match="num_pools"):
        small_network("set2set", small_settings("set2set", num_pools=1), [5])
