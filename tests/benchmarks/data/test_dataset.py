import zipfile

import pytest
import torch

from benchmarks.data.dataset import (
    cached_dataset,
    check_features,
    features_of,
    folds_of,
    splits_identity,
)
from benchmarks.kernels.graphs import labelled_graphs
from benchmarks.records.provenance import dataset_digest
from benchmarks.runs.plan import make_plan, read_dataset
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import make_settings
from tests.benchmarks.tu_files import write_tu_zip


def change_zip(folder, **files):
    """Write TINY.zip with other files; those that are None are left out."""
    write_tu_zip(folder)
    with zipfile.ZipFile(folder / "TINY.zip") as archive:
        content = {name: archive.read(name).decode() for name in archive.namelist()}
    content |= {f"TINY/TINY_{kind}.txt": lines for kind, lines in files.items()}
    with zipfile.ZipFile(folder / "TINY.zip", "w") as archive:
        for name, lines in content.items():
            if lines is not None:
                archive.writestr(name, lines)
    cached_dataset.cache_clear()
    folds_of.cache_clear()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"graph_attributes": "0.5\n" * 40},
            "TINY_graph_labels.txt alone, got TINY_graph_attributes.txt, .* regression .* is 0.5",
        ),
        ({"graph_labels": None}, "the runner classifies graphs; expected TINY_graph_labels.txt, g"),
        ({"graph_labels": "1, 2\n" * 40}, r"one class for each of 40 graphs, got \[40, 2\]"),
        ({"graph_labels": "1\n2\n" * 90}, r"one class for each of 40 graphs, got \[180\]"),
        ({"graph_labels": "3\n" * 40}, "two classes or more, got one for all graphs"),
        ({"graph_labels": "0.5\n" * 40}, "TINY_graph_labels.txt, line 1: expected a whole number"),
    ],
)
def test_what_is_no_class_a_graph_is_refused_before_training(files, message, tiny_data, tmp_path):
    change_zip(tmp_path, **files)
    with pytest.raises(UsageError, match=message):
        make_plan("TINY", "graphsage", "fair", {}, None, [0], None)


def test_another_zip_of_the_same_name_is_another_run(tiny_data, tmp_path):
    def plan():
        cached_dataset.cache_clear()
        return make_plan("TINY", "graphsage", "fair", {}, None, [0], None)

    first = plan().run_id
    assert plan().run_id == first
    change_zip(tmp_path, node_labels="1\n0\n" * 90)
    assert plan().run_id != first


def test_small_classes_are_noted_in_the_identity(tiny_data, tmp_path):
    assert splits_identity("TINY", None) == {"seed": 0}
    change_zip(tmp_path, graph_labels="0\n1\n" * 17 + "2\n" * 6)
    with pytest.warns(UserWarning, match="1 classes have fewer than 10 graphs .*: 6 of class 2"):
        plan = make_plan("TINY", "graphsage", "fair", {}, None, [0], None)
    assert plan.identity["splits"] == {"seed": 0, "small_classes": {"2": 6}}
    assert len(plan.folds) == 10


def test_labels_too_many_for_columns(tiny_data, tmp_path, monkeypatch):
    whole = cached_dataset("TINY")
    monkeypatch.setattr("benchmarks.data.tu_reader.LARGEST_ONE_HOT", 100)
    change_zip(tmp_path)
    (tmp_path / "cache" / "TINY" / "archive.json").unlink()
    kept = cached_dataset("TINY")
    assert kept._data.x is None
    assert kept._data.node_label.shape == (180, 1)
    train, settings = torch.arange(30), make_settings()
    check_features(kept, settings)
    assert torch.equal(features_of(kept, train, settings), features_of(whole, train, settings))
    # Kernels number the labels otherwise, and compare the same nodes as equal.
    pairs = zip(labelled_graphs(kept).labels, labelled_graphs(whole).labels, strict=True)
    assert len({(int(mine), int(other)) for mine, other in pairs}) == 2
    before = dataset_digest(kept)
    kept._data.node_label[0] += 1
    dataset_digest.cache_clear()
    assert dataset_digest(kept) != before
    monkeypatch.setattr("benchmarks.data.features.LARGEST_ONE_HOT", 100)
    with pytest.raises(UsageError, match=r"setting label_cap: TINY.* has 2 node labels"):
        check_features(kept, settings)


@pytest.mark.parametrize("name", ["Fingerprint", "PROTEINS_full", "REDDIT-MULTI-12K", "DBLP_v1"])
def test_a_set_that_is_not_there_is_not_called_unknown(name, tiny_data, tmp_path):
    with pytest.raises(UsageError, match=f"'{name}' could not be read from {tmp_path}") as caught:
        read_dataset(name)
    assert "did you mean" not in str(caught.value)


def test_a_set_that_cannot_be_read_is_not_called_unknown(tiny_data, tmp_path):
    (tmp_path / "ENZYME.zip").write_bytes(b"no zip")
    with pytest.raises(UsageError, match=r"ENZYME.zip: expected a whole zip") as caught:
        read_dataset("ENZYME")
    assert "did you mean" not in str(caught.value)
