import pytest
import torch

from benchmarks.data.registry import find_source
from benchmarks.timing.claim_contenders import SHARED, load_timing_data
from pyg_diffpool import DiffPoolNet


@pytest.fixture
def data(tiny_data, monkeypatch):
    monkeypatch.setitem(SHARED, "hidden_channels", 8)
    return load_timing_data("TINY", find_source("TINY").graphs, "cpu", 0)


def test_all_graphs_come_in_a_shuffled_order_of_the_seed(data):
    assert (data.num_features, data.num_classes, data.num_edge_features) == (2, 2, 0)
    assert data.sizes.tolist() == [3, 4, 5, 6] * 10
    assert data.largest == 6

    def order(seed):
        loaded = load_timing_data("TINY", find_source("TINY").graphs, "cpu", seed)
        return torch.cat([batch.graph_index for batch in loaded.loader]).tolist()

    assert order(0) == order(0) != order(1)
    assert sorted(order(1)) == list(range(40))
    assert [batch.num_graphs for batch in data.loader] == [20, 20]


def test_a_trainee_is_its_recipes_network_of_the_shared_width(data):
    trainee = data.trainee("diffpool", None, seed=3)
    assert isinstance(trainee.network, DiffPoolNet)
    for name, value in SHARED.items():
        assert getattr(trainee.settings, name) == value
    assert trainee.clusters == [level for level in trainee.clusters if level <= data.largest]
    batch = next(iter(data.loader))
    logits, side = trainee.forward(batch)
    expected = trainee.network(batch.x, batch.adjacency, batch=batch.batch)
    assert logits.shape == (20, 2)
    assert side.shape == expected.loss.shape == ()
    assert data.trainee("graphsage", None, seed=3).forward(batch)[1] == 0


def test_the_seed_decides_the_weights(data):
    first, again, other = (
        list(data.trainee("diffpool", None, seed).network.parameters()) for seed in (3, 3, 4)
    )
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert not all(torch.equal(*pair) for pair in zip(first, other, strict=True))


def test_learning_rate_and_clipping_are_the_settings(data):
    trainee = data.trainee("diffpool", None, seed=0)
    assert trainee.optimizer.param_groups[0]["lr"] == trainee.settings.learning_rate
    assert trainee.gradient_clip == (trainee.settings.gradient_clip or 1e9)


@pytest.mark.parametrize("steps", [2, 6])
def test_set2set_takes_the_steps_that_it_is_given(data, steps):
    assert data.trainee("set2set", steps, seed=0).settings.processing_steps == steps
