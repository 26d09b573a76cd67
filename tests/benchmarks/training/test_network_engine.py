import hashlib

import pytest
from rich.console import Console

from benchmarks.data.registry import find_source
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import make_settings
from benchmarks.training import network_engine
from tests.benchmarks.runs.plans import fair_plan


@pytest.fixture
def source(tiny_data):
    return find_source("TINY")


def test_the_source_of_the_users_class_alone_is_in_the_identity(tiny_data, tmp_path):
    digest = hashlib.sha256((tmp_path / "tiny_model.py").read_bytes()).hexdigest()
    assert network_engine.identity(tiny_data) == {"source": digest}
    assert network_engine.identity("diffpool") == {}


def test_each_configuration_is_checked_and_built_once_for_few_clusters(source, monkeypatch):
    built, checked = [], []

    def build(method, settings, problem):
        built.append((method, settings, problem.clusters))

    monkeypatch.setattr(network_engine, "build_network", build)
    monkeypatch.setattr(type(source), "check_features", lambda self, given: checked.append(given))
    two, one = make_settings({"num_pools": 2}), make_settings({"num_pools": 3, "max_clusters": 1})
    network_engine.check(source, "diffpool", [two, one])
    assert built == [("diffpool", two, [2, 2]), ("diffpool", one, [1, 1, 1])]
    assert checked == [two, one]


def test_what_would_fail_in_training_is_refused(source):
    network_engine.check(source, "diffpool", [make_settings()])
    large = make_settings({"hidden_channels": 10**9})
    with pytest.raises(UsageError, match="GiB are available"):
        network_engine.check(source, "diffpool", [make_settings(), large])


def test_a_network_that_cannot_be_built_is_told_with_the_plan(tiny_data):
    with pytest.raises(UsageError, match="setting aggr: tiny_model:MeanNet has no parameter"):
        fair_plan(tiny_data, overrides={"aggr": "sum"})


def test_graphs_are_prepared_once_for_each_settings_of_the_cells(source, monkeypatch):
    asked = []
    monkeypatch.setattr(network_engine, "prepared_graphs", lambda *given: asked.append(given))
    cells = fair_plan("patchysan", folds=[0, 1], overrides={"epochs": 3}).cells()
    settings = list(dict.fromkeys(cell.settings for cell in cells))
    assert len(cells) == 2 * len(settings)
    network_engine.prepare(source, cells, 4, Console(quiet=True))
    assert asked == [(source, "patchysan", one, 4) for one in settings]
