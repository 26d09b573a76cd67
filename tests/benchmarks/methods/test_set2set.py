import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.nn.aggr import Set2Set

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
