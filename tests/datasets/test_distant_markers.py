"""Labels that depend on the other end of the graph: as described, and out of reach."""

import networkx as nx
import pytest
import torch
from torch_geometric.utils import to_networkx

from pyg_diffpool.datasets import DistantMarkers


@pytest.fixture(scope="module")
def dataset():
    return DistantMarkers(num_graphs=40, length=12, seed=1)


def test_shapes_and_balance(dataset):
    assert len(dataset) == 40
    assert (dataset.num_classes, dataset.num_features) == (2, 4)
    assert torch.bincount(dataset._data.marker).tolist() == [20, 20]
    for data in dataset:
        assert data.x.shape == (data.num_nodes, 4)
        assert data.is_undirected()
        assert data.is_coalesced()
        assert data.layer.unique().tolist() == list(range(12))


def test_labels_are_bits_flipped_by_the_marker(dataset):
    for data in dataset:
        flipped = data.y != data.bit
        assert flipped.all() if data.marker == 1 else not flipped.any()


def test_features_show_the_bit_and_in_the_first_layer_the_marker():
    for data in DistantMarkers(num_graphs=4, length=5, noise=0.0):
        wanted = torch.zeros(data.num_nodes, 4)
        wanted[torch.arange(data.num_nodes), data.bit] = 1
        wanted[data.layer == 0, 2 + int(data.marker)] = 1
        assert torch.equal(data.x, wanted)


def test_a_node_is_at_least_its_layer_away_from_the_marker(dataset):
    for data in dataset[:5]:
        graph = to_networkx(data, to_undirected=True)
        marked = set((data.layer == 0).nonzero().flatten().tolist())
        hops = nx.multi_source_dijkstra_path_length(graph, marked, weight=None)
        assert all(hops[node] >= int(data.layer[node]) for node in range(data.num_nodes))


def test_twins_differ_in_the_marker_alone(dataset):
    for first, second in zip(dataset[0::2], dataset[1::2], strict=True):
        assert (int(first.marker), int(second.marker)) == (0, 1)
        for name in ("edge_index", "bit", "layer"):
            assert torch.equal(first[name], second[name])
        assert torch.equal(first.y, 1 - second.y)
        away = first.layer > 0
        assert torch.equal(first.x[away], second.x[away])
        assert not torch.equal(first.x[~away], second.x[~away])


def test_the_bound_counts_the_nodes_within_reach(dataset):
    layer = dataset._data.layer
    for reach in (0, 3, 11):
        near = float((layer <= reach).double().mean())
        assert dataset.flat_bound(reach) == pytest.approx(near + (1 - near) / 2)
    assert dataset.flat_bound(11) == 1


def test_deterministic_by_seed():
    one, same, other = (DistantMarkers(num_graphs=4, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(one._data.x, same._data.x)
    assert torch.equal(one._data.edge_index, same._data.edge_index)
    assert not torch.equal(one._data.x[:50], other._data.x[:50])


@pytest.mark.parametrize(
    ("name", "value"),
    [("num_graphs", 0), ("num_graphs", 3), ("length", 0), ("width", (0, 2)), ("noise", -1.0)],
)
def test_bad_arguments_are_named(name, value):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        DistantMarkers(**{name: value})
