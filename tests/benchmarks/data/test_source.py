import pytest
import torch

from benchmarks.data.registry import find_source
from benchmarks.kernels.graphs import labelled_graphs
from benchmarks.records.provenance import dataset_digest
from benchmarks.runs.plan import make_plan
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import make_settings
from tests.benchmarks.tu_files import change_tiny_zip


def test_another_zip_of_the_same_name_is_another_run(tiny_data, tmp_path):
    def plan():
        find_source.cache_clear()
        return make_plan("TINY", "graphsage", "fair", {}, None, [0], None)

    first = plan().run_id
    assert plan().run_id == first
    change_tiny_zip(tmp_path, node_labels="1\n0\n" * 90)
    assert plan().run_id != first


def test_small_classes_are_noted_in_the_identity(tiny_data, tmp_path):
    assert find_source("TINY").folds_identity(None) == {"seed": 0}
    change_tiny_zip(tmp_path, graph_labels="0\n1\n" * 17 + "2\n" * 6)
    with pytest.warns(UserWarning, match="1 classes have fewer than 10 graphs .*: 6 of class 2"):
        plan = make_plan("TINY", "graphsage", "fair", {}, None, [0], None)
    assert plan.identity["splits"] == {"seed": 0, "small_classes": {"2": 6}}
    assert len(plan.folds) == 10


def test_labels_too_many_for_columns(tiny_data, tmp_path, monkeypatch):
    whole = find_source("TINY")
    assert whole.graphs._data.x.shape == (180, 2)
    monkeypatch.setattr("benchmarks.data.tu_reader.LARGEST_ONE_HOT", 100)
    change_tiny_zip(tmp_path)
    (tmp_path / "cache" / "TINY" / "archive.json").unlink()
    kept = find_source("TINY")
    assert kept.graphs._data.x is None
    assert kept.graphs._data.node_label.shape == (180, 1)
    train, settings = torch.arange(30), make_settings()
    kept.check_features(settings)
    assert torch.equal(kept.features(train, settings), whole.features(train, settings))
    # Kernels number the labels otherwise, and compare the same nodes as equal.
    both = (labelled_graphs(source.graphs).labels for source in (kept, whole))
    pairs = zip(*both, strict=True)
    assert len({(int(mine), int(other)) for mine, other in pairs}) == 2
    before = kept.digest
    kept.graphs._data.node_label[0] += 1
    assert dataset_digest(kept.graphs) != before
    monkeypatch.setattr("benchmarks.data.features.LARGEST_ONE_HOT", 100)
    with pytest.raises(UsageError, match=r"setting label_cap: TINY.* has 2 node labels"):
        kept.check_features(settings)
