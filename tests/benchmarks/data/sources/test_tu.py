import pytest

from benchmarks.data.registry import find_source
from benchmarks.runs.plan import make_plan
from benchmarks.spec.errors import AbsentDataError, UsageError
from tests.benchmarks.tu_files import change_tiny_zip


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
    change_tiny_zip(tmp_path, **files)
    with pytest.raises(UsageError, match=message):
        make_plan("TINY", "graphsage", "fair", {}, None, [0], None)


@pytest.mark.parametrize("name", ["Fingerprint", "PROTEINS_full", "REDDIT-MULTI-12K", "DBLP_v1"])
def test_a_set_that_is_not_there_is_not_called_unknown(name, tiny_data, tmp_path):
    with pytest.raises(
        AbsentDataError, match=f"'{name}' could not be read from {tmp_path}"
    ) as caught:
        _ = find_source(name).graphs
    assert "did you mean" not in str(caught.value)


def test_a_set_that_cannot_be_read_is_not_called_unknown(tiny_data, tmp_path):
    (tmp_path / "ENZYME.zip").write_bytes(b"no zip")
    with pytest.raises(UsageError, match=r"ENZYME.zip: expected a whole zip") as caught:
        _ = find_source("ENZYME").graphs
    assert "did you mean" not in str(caught.value)


def test_a_slip_of_the_pen_is_told_beside_the_address(tiny_data, tmp_path):
    message = f"unknown data set 'enzymes': did you mean 'ENZYMES'. .*{tmp_path}/enzymes.zip"
    with pytest.raises(AbsentDataError, match=message):
        _ = find_source("enzymes").graphs


def test_a_folder_that_is_not_there_is_told(tiny_data, tmp_path, monkeypatch):
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", str(tmp_path / "none"))
    with pytest.raises(AbsentDataError, match=f"folder, there is none at {tmp_path}/none"):
        _ = find_source("DD").graphs
