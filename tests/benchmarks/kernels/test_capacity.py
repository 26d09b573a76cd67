import pytest

from benchmarks.kernels import capacity
from benchmarks.kernels.capacity import Cost, refuse_above_memory
from benchmarks.spec.errors import UsageError
from tests.benchmarks.kernels.small_graphs import random_graphs


def test_what_does_not_fit_is_refused_with_figures_and_advice(monkeypatch):
    monkeypatch.setattr(capacity, "available_gib", lambda: 7.5)
    graphs = random_graphs(3)
    cost = Cost(gib=12.25, seconds=600)
    with pytest.raises(UsageError, match=r"--method wl: .* BIG .* 12.2 GiB and 10 minutes.*7.5"):
        refuse_above_memory("BIG", "wl", graphs, cost, cached=False)
    refuse_above_memory("BIG", "wl", graphs, cost, cached=True)
    refuse_above_memory("BIG", "wl", graphs, Cost(7.0, 1.0), cached=False)


def test_too_many_processes_are_refused_with_how_many_fit(monkeypatch):
    graphs = random_graphs(64)
    training = 2 * 8 * 64**2 / 2**30
    monkeypatch.setattr(capacity, "available_gib", lambda: 2.5 * training)
    cost = Cost(0.0, 0.0)
    refuse_above_memory("BIG", "wl", graphs, cost, cached=True, jobs=2)
    with pytest.raises(UsageError, match=r"3 processes .* use --jobs 2"):
        refuse_above_memory("BIG", "wl", graphs, cost, cached=True, jobs=3)
