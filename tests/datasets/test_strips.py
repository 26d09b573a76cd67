"""Random strips: layers, edges between neighbouring ones alone, and connected."""

import networkx as nx
import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.utils import to_networkx

from pyg_diffpool.datasets.strips import check_strips, random_strips, split_graphs


def strips(**changes):
    generator = torch.Generator().manual_seed(0)
    options = {"width": (2, 4), "edge_probability": 0.5, "generator": generator, **changes}
    return random_strips(12, 4, **options)


def test_a_layer_is_a_clique_beside_its_neighbours():
    layer, edge_index = strips()
    assert set(torch.bincount(layer).tolist()) <= {2, 3, 4}
    apart = (layer[edge_index[0]] - layer[edge_index[1]]).abs()
    assert apart.max() == 1
    assert int((apart == 0).sum()) == sum(n * (n - 1) for n in torch.bincount(layer).tolist())
    data = Data(edge_index=edge_index, num_nodes=layer.numel())
    assert data.is_undirected()
    assert data.is_coalesced()
    graph = to_networkx(data, to_undirected=True)
    parts = list(nx.connected_components(graph))
    assert [sorted({int(layer[node]) // 4 for node in part}) for part in parts] == [[0], [1], [2]]


def test_edges_between_layers_are_as_likely_as_asked():
    for share in (0.0, 1.0):
        layer, edge_index = strips(edge_probability=share, width=(3, 3))
        between = int((layer[edge_index[0]] != layer[edge_index[1]]).sum())
        assert between == 2 * 9 * (1 if share == 0 else 9)
    layer, edge_index = strips(edge_probability=0.0, touching=torch.arange(12) == 1, width=(3, 3))
    full = (layer[edge_index[0]] == 1) & (layer[edge_index[1]] == 2)
    assert int(full.sum()) == 9


def test_graphs_are_numbered_from_zero():
    graph = torch.tensor([0, 0, 1, 1, 1])
    edge_index = torch.tensor([[0, 1, 3, 4], [1, 0, 4, 3]])
    edges, nodes, counts = split_graphs(graph, edge_index, 3)
    assert edges.tolist() == [[0, 1, 1, 2], [1, 0, 2, 1]]
    assert (nodes, counts) == ([2, 3, 0], [2, 2, 0])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("length", (0, (1, 2), 0.5)),
        ("width", (1, (2, 1), 0.5)),
        ("edge_probability", (1, (1, 1), 2)),
    ],
)
def test_bad_arguments_are_named(name, arguments):
    with pytest.raises(ValueError, match=f"^{name}: expected"):
        check_strips(*arguments)
