import pytest
from torch_geometric.io import read_tu_data as read_with_pyg

from benchmarks.data import tu_reader
from benchmarks.data.tu_reader import read_tu_data
from benchmarks.spec.errors import UsageError
from tests.benchmarks.data.tu_texts import (
    KINDS,
    NODE_LABELS,
    ONE_ATTRIBUTE,
    PLAIN,
    assert_equal_data,
    unpack,
)


@pytest.mark.parametrize("kind", KINDS)
def test_reader_equals_pyg(kind, tmp_path):
    unpack(tmp_path, "SMALL", {**PLAIN, **KINDS[kind]})
    ours = read_tu_data(tmp_path, "SMALL")
    assert_equal_data(ours, read_with_pyg(str(tmp_path), "SMALL"))
    assert ours[0].edge_index.tolist() == [[0, 1, 1, 2, 0, 1], [1, 0, 2, 1, 1, 0]]


def test_trailing_graphs_without_edges_are_kept(tmp_path):
    files = {**PLAIN, "graph_indicator": ["1", "1", "1", "2", "3", "3", "4"]}
    unpack(tmp_path, "SMALL", {**files, "graph_labels": ["7", "-1", "7", "0"]})
    data, slices, _ = read_tu_data(tmp_path, "SMALL")
    assert slices["edge_index"].tolist() == [0, 4, 4, 6, 6]
    assert data._num_nodes == [3, 1, 2, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"graph_indicator": ["1", "2", "1", "2", "3", "3"]},
            "indicator.txt, line 3: expected asc.* from 1, got 1 after 2",
        ),
        ({"A": ["1, 9"]}, "A.txt, line 1: expected node numbers from 1 to 6, got 1 and 9"),
        (
            {"A": ["1, 2", "1, 4"]},
            "A.txt, line 2: expected no edge .*, got 1 and 4 of the graphs 1 and 2",
        ),
        ({"graph_indicator": ["0", "0"]}, "indicator.txt, line 1: expected asc.* from 1, got 0"),
        ({"graph_indicator": ["1, 1"]}, r"line 1: expected the number .* \(1 columns\), got 2"),
        ({"graph_indicator": []}, "graph_indicator.txt: expected a row for each node, got none"),
        (
            {"A": [], "graph_indicator": ["1", "1", "1", "2", "3", "9999999999"]},
            "graph_indicator.txt: expected the numbers of graphs without gaps, got 9999999999",
        ),
        (
            {"A": ["", "1", "2"]},
            r"A.txt, line 2: expected two node .* \(2 columns\), got 1 columns",
        ),
        ({"A": ["1, 2, 3"]}, r"A.txt, line 1: expected two node .* \(2 columns\), got 3 columns"),
        ({"A": ["1, 2", "1, " + "9" * 30]}, "A.txt, line 2: expected a whole number"),
        ({"graph_labels": ["1", "x", "2"]}, "graph_labels.txt, line 2: expected a whole number"),
        (
            {"node_attributes": ["1"] * 5 + ["nan"]},
            "line 6: expected a finite .* column 1, got 'nan'",
        ),
        ({"graph_labels": ["1", "2"]}, r"one target a graph \(3\) or a node \(6\), got 2"),
        ({"node_labels": ["1"]}, "SMALL_node_labels.txt: expected 6 rows, got 1"),
        ({"edge_attributes": ["1"]}, "SMALL_edge_attributes.txt: expected 8 rows, got 1"),
    ],
)
def test_contradicting_files(change, message, tmp_path):
    unpack(tmp_path, "SMALL", {**PLAIN, **change})
    with pytest.raises(ValueError, match=message):
        read_tu_data(tmp_path, "SMALL")


def test_graphs_without_any_edge(tmp_path):
    unpack(tmp_path, "SMALL", {**PLAIN, **NODE_LABELS, "edge_labels": [], "A": []})
    data, slices, sizes = read_tu_data(tmp_path, "SMALL")
    assert (tuple(data.edge_index.shape), data.edge_attr) == ((2, 0), None)
    assert slices["edge_index"].tolist() == [0, 0, 0, 0]
    assert sizes["num_edge_labels"] == 0


def test_a_single_graph(tmp_path):
    unpack(tmp_path, "SMALL", {"A": ["1, 2"], "graph_indicator": ["1", "1"], "graph_labels": ["5"]})
    data, slices, _ = read_tu_data(tmp_path, "SMALL")
    assert (data.y.tolist(), slices["y"].tolist()) == ([0], [0, 1])


def test_labels_too_many_for_columns_stay_numbers(tmp_path, monkeypatch):
    far = {
        "node_labels": ["4, 7", "2, 8", "2, 7", str(10**18) + ", 7", str(-(2**63)) + ", 7", "4, 7"]
    }
    unpack(tmp_path, "SMALL", {**PLAIN, **far, **ONE_ATTRIBUTE})
    data, _, sizes = read_tu_data(tmp_path, "SMALL")
    first = [2, 1, 1, 3, 0, 2]
    assert data.x[:, 1:5].argmax(dim=1).tolist() == first
    assert sizes["num_node_labels"] == 6
    monkeypatch.setattr(tu_reader, "LARGEST_ONE_HOT", 100)
    data, slices, sizes = read_tu_data(tmp_path, "SMALL")
    assert data.node_label.tolist() == [[n, int(node == 1)] for node, n in enumerate(first)]
    assert slices["node_label"].tolist() == [0, 3, 4, 6]
    assert (data.x.size(1), sizes["num_node_labels"]) == (1, 6)
    unpack(tmp_path, "SMALL", {"edge_labels": [str(number) for number in range(8)]})
    with pytest.raises(UsageError, match=r"SMALL_edge_labels.txt: .* GB \(8 labels, 8 edges\)"):
        read_tu_data(tmp_path, "SMALL")
