"""The temperature of an assignment in the course of training."""

import math

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool import AnnealedTemperature, DiffPool, DiffPoolNet, SAGEConv


def test_it_falls_geometrically_and_stays():
    temperature = AnnealedTemperature(2.0, 0.5, num_steps=4)
    found = [float(temperature()) for _ in range(6)]
    assert_close(found, [2.0, 2 / math.sqrt(2), 1.0, 1 / math.sqrt(2), 0.5, 0.5])


def test_evaluation_counts_nothing():
    temperature = AnnealedTemperature(2.0, 0.5, num_steps=2)
    temperature()
    temperature.eval()
    assert [float(temperature()) for _ in range(3)] == [1.0] * 3
    assert float(temperature.train()()) == 1.0


def test_the_number_of_passes_is_saved():
    temperature, other = AnnealedTemperature(1.0, 0.01, 2), AnnealedTemperature(1.0, 0.01, 2)
    temperature()
    other.load_state_dict(temperature.state_dict())
    assert_close(other(), torch.tensor(0.1))


@pytest.mark.parametrize("options", [{"start": 0.0}, {"stop": math.inf}, {"stop": True}])
def test_bad_temperatures_are_named(options):
    with pytest.raises(ValueError, match=rf"^{next(iter(options))}: expected a finite number"):
        AnnealedTemperature(**options)
    with pytest.raises(ValueError, match="num_steps: expected at least 1, got 0"):
        AnnealedTemperature(num_steps=0)


def test_a_layer_takes_numbers_and_annealed_temperatures():
    x, edge_index = torch.randn(5, 3), torch.tensor([[0, 1], [1, 0]])
    layer = DiffPool(SAGEConv(3, 4), SAGEConv(3, 3), max_clusters=3, temperature=0.5)
    logits = layer.assign(x, edge_index)
    assert_close(layer(x, edge_index).assignment, (2 * logits).softmax(1))
    layer.temperature = AnnealedTemperature(0.5, 0.25, num_steps=1)
    assert_close(layer(x, edge_index).assignment, (2 * logits).softmax(1))
    assert_close(layer(x, edge_index).assignment, (4 * logits).softmax(1))
    layer.reset_parameters()
    assert layer.temperature.passes == 0
    with pytest.raises(ValueError, match="temperature: expected a finite number above 0, got 0"):
        DiffPool(SAGEConv(3, 4), SAGEConv(3, 3), max_clusters=3, temperature=0)


def test_each_pooling_of_a_network_counts_for_itself():
    net = DiffPoolNet(3, 4, 2, max_clusters=[3, 2], temperature=AnnealedTemperature(num_steps=5))
    net(torch.randn(4, 3), torch.tensor([[0, 1], [1, 0]]))
    assert [int(pool.temperature.passes) for pool in net.pools] == [1, 1]
