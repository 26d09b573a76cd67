import networkx as nx
import pytest
import torch
from torch_geometric.utils import to_networkx

from pyg_diffpool.datasets import CommunityChains
from pyg_diffpool.datasets.communities import NUM_ENDS, PAIRINGS


@pytest.fixture(scope="module")
def dataset():
    return CommunityChains(num_graphs=60, seed=1)


def chain_of(data):
    return data.community // 3


def ends_by_chain(data):
    """Return the colours of the ends of each graph's two chains."""
    colors = [set(data.color[chain_of(data) == chain].tolist()) for chain in (0, 1)]
    return {frozenset(color for color in found if color < NUM_ENDS) for found in colors}


def test_shapes_and_balance(dataset):
    assert len(dataset) == 60
    assert dataset.num_classes == 3
    assert dataset.num_features == 10
    assert torch.bincount(dataset.y).tolist() == [20, 20, 20]
    for data in dataset:
        assert data.x.shape == (data.num_nodes, 10)
        assert data.is_undirected()
        assert not data.has_self_loops()
        assert data.is_coalesced()


def test_class_is_the_pairing_of_the_ends(dataset):
    for data in dataset:
        first, second, third, fourth = PAIRINGS[int(data.y)].tolist()
        assert ends_by_chain(data) == {frozenset((first, second)), frozenset((third, fourth))}


def test_two_connected_chains_with_bridges_of_different_colours(dataset):
    for data in dataset:
        parts = list(nx.connected_components(to_networkx(data, to_undirected=True)))
        assert sorted(map(min, parts)) == [0, int((chain_of(data) == 0).sum())]
        assert len(parts) == 2
        bridges = {int(data.color[data.community == place][0]) for place in (1, 4)}
        assert len(bridges) == 2
        assert min(bridges) >= NUM_ENDS


def test_no_node_sees_both_ends_of_its_chain(dataset):
    assert dataset.receptive_field == 2
    for data in dataset:
        graph = to_networkx(data, to_undirected=True)
        for first, last in ((0, 2), (3, 5)):
            sources = set((data.community == first).nonzero().flatten().tolist())
            targets = (data.community == last).nonzero().flatten().tolist()
            near = nx.multi_source_dijkstra_path_length(graph, sources, weight=None)
            assert min(near[node] for node in targets) == dataset.length + 1


def test_bridge_beside_an_end_is_independent_of_the_class():
    dataset = CommunityChains(num_graphs=1800, width=(1, 1), length=1, seed=3)
    colors = dataset._data.color.view(-1, 2, 3)
    for label in range(3):
        chosen = colors[dataset.y == label]
        for end in range(NUM_ENDS):
            beside = chosen[:, :, 1][(chosen == end).any(-1)] - NUM_ENDS
            share = torch.bincount(beside, minlength=6) / len(beside)
            torch.testing.assert_close(share, torch.full((6,), 1 / 6), atol=0.08, rtol=0)


def test_deterministic_by_seed():
    one, same, other = (CommunityChains(num_graphs=6, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(one._data.x, same._data.x)
    assert torch.equal(one._data.edge_index, same._data.edge_index)
    assert not torch.equal(one._data.x[:50], other._data.x[:50])
    state = torch.get_rng_state()
    CommunityChains(num_graphs=6)
    assert torch.equal(torch.get_rng_state(), state)


def test_features_are_the_colour_plus_noise():
    clean = CommunityChains(num_graphs=6, noise=0.0)._data
    assert torch.equal(clean.x.argmax(1), clean.color)
    noisy = CommunityChains(num_graphs=60, noise=0.5)._data
    deviation = noisy.x - torch.nn.functional.one_hot(noisy.color, 10)
    assert deviation.std().item() == pytest.approx(0.5, abs=0.02)
    assert deviation.mean().item() == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_graphs": 0}, "num_graphs: expected at least 1, got 0"),
        ({"num_bridges": 1}, "num_bridges: expected at least 2, got 1"),
        ({"length": 0}, "length: expected at least 1, got 0"),
        ({"width": (3, 2)}, r"width: expected 1 <= fewest <= most, got \(3, 2\)"),
        ({"edge_probability": 1.5}, "edge_probability: expected a value in"),
        ({"noise": -1.0}, "noise: expected a standard deviation >= 0, got -1.0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        CommunityChains(**arguments)


def test_features_follow_the_default_dtype_and_graphs_do_not():
    expected = CommunityChains(num_graphs=5)
    torch.set_default_dtype(torch.float64)
    try:
        found = CommunityChains(num_graphs=5)
    finally:
        torch.set_default_dtype(torch.float32)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.x.dtype == torch.float64
        assert torch.equal(ours.x.float(), theirs.x)
        assert torch.equal(ours.edge_index, theirs.edge_index)
        assert torch.equal(ours.y, theirs.y)
