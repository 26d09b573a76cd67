import pytest
import torch
from torch_geometric.data import Data

from benchmarks.data.registry import find_source
from benchmarks.spec.errors import AbsentDataError
from benchmarks.timing.epoch_data import (
    DROPPED_ABOVE,
    HUGE_NODES,
    EpochData,
    GraphSet,
    load_epoch_data,
    number_of_clusters,
)
from tests.benchmarks.serving import serving


def graphs(*sizes):
    return [Data(x=torch.full((size, 3), float(size)), y=torch.tensor([0])) for size in sizes]


def data_of(*sizes):
    return EpochData(graphs(*sizes), max(sizes), 2, number_of_clusters(max(sizes)))


@pytest.mark.parametrize(
    ("largest", "clusters"),
    [(126, [32, 8]), (620, [155, 39]), (HUGE_NODES, [250, 63]), (HUGE_NODES + 1, [100, 25]),
     (5748, [100, 25])],
)  # fmt: skip
def test_clusters_are_a_quarter_of_the_largest_graph_or_at_most_a_hundred(largest, clusters):
    assert number_of_clusters(largest) == clusters
    assert data_of(2, largest).huge == (largest > HUGE_NODES)


def test_the_graphs_that_pygs_example_keeps():
    small = data_of(10, DROPPED_ABOVE, DROPPED_ABOVE + 1, 600).small()
    assert [graph.num_nodes for graph in small.graphs] == [10, DROPPED_ABOVE]
    assert (small.largest, small.num_classes) == (DROPPED_ABOVE, 2)
    assert small.clusters == number_of_clusters(DROPPED_ABOVE)
    assert data_of(10, DROPPED_ABOVE).small() is None
    assert data_of(DROPPED_ABOVE + 1).small() is None


def test_a_set_of_graphs_keeps_what_it_has_cut_out():
    dataset = GraphSet(graphs(3, 5), lambda data: Data(x=2 * data.x))
    assert [kept.num_nodes for kept in dataset._data_list] == [3, 5]
    assert [graph.x[0, 0].item() for graph in dataset] == [6.0, 10.0]


def test_a_data_set_comes_with_its_features_and_classes(tiny_data):
    data = load_epoch_data("TINY")
    assert (len(data.graphs), data.largest, data.num_classes) == (40, 6, 2)
    assert (data.num_features, data.clusters) == (2, number_of_clusters(6))
    for mine, theirs in zip(data.graphs, find_source("TINY").graphs, strict=True):
        assert torch.equal(mine.x, theirs.x)
        assert torch.equal(mine.edge_index, theirs.edge_index)
        assert torch.equal(mine.y, theirs.y)


def test_absent_data_are_told(tmp_path, monkeypatch):
    with serving(tmp_path, monkeypatch), pytest.raises(AbsentDataError, match="'DD'"):
        load_epoch_data("DD")
