import pytest
import torch

from benchmarks.data.registry import find_source
from benchmarks.methods import build_network
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import make_settings
from benchmarks.training import network_capacity
from benchmarks.training.network_capacity import least_gib, refuse_above_memory


def test_the_weights_are_those_of_the_network_four_times(tiny_data):
    source = find_source("TINY")
    settings = make_settings({"num_pools": 0, "hidden_channels": 48})
    problem = Problem(source.graphs.num_features, 2, [], torch.tensor([3, 6]))
    network = build_network("graphsage", settings, problem)
    weights = sum(parameter.numel() for parameter in network.parameters())
    assert least_gib("graphsage", settings, source) == pytest.approx(16 * weights / 2**30)


def test_pooled_adjacencies_count_with_the_batch_and_the_square_of_clusters(tiny_data):
    source = find_source("TINY")
    few, more = (
        make_settings({"cluster_ratio": 1e6, "max_clusters": 20_000, "batch_size": size})
        for size in (1, 5)
    )
    growth = least_gib("diffpool", more, source) - least_gib("diffpool", few, source)
    # Four graphs more, each with an adjacency of 20,000 by 20,000 and its gradient.
    assert growth == pytest.approx(4 * 2 * 4 * 20_000**2 / 2**30, rel=0.01)


def test_what_cannot_fit_is_refused_and_allocates_nothing(tiny_data, monkeypatch):
    source = find_source("TINY")
    monkeypatch.setattr(network_capacity, "available_gib", lambda: 1.0)
    refuse_above_memory("diffpool", make_settings(), source)
    for name, value in (
        ("hidden_channels", 10**9),
        ("embedding_channels", 10**8),
        ("mlp_channels", 10**8),
    ):
        with pytest.raises(UsageError, match=f"1.0 GiB are available.*got {name} {value}"):
            refuse_above_memory("diffpool", make_settings({name: value}), source)
