import pytest
import torch
from torch_geometric.data import Batch, Data
from torch_geometric.transforms import ToSparseTensor

from pyg_diffpool import DiffPool, DiffPoolNet, DiffPoolOutput, SAGEConv
from pyg_diffpool.visualize import hierarchy
from pyg_diffpool.visualize.palette import PALETTE
from tests.visualize.graphs import (
    one_hot_assignment,
    pooled,
    ring,
    three_levels,
    triangles_assignment,
    two_triangles,
)

PAIR = torch.tensor([[0], [1]])


def edges_of(level):
    ends = [tuple(pair) for pair in level.edge.t().tolist()]
    return dict(zip(ends, level.weight.tolist(), strict=True))


def assert_equal(one, other):
    for left, right in zip(one.levels, other.levels, strict=True):
        for name, value in vars(left).items():
            expected = getattr(right, name)
            if isinstance(value, torch.Tensor):
                assert torch.allclose(value.double(), expected.double(), atol=1e-6), name
            else:
                assert value == expected, name


def test_input_graph_and_its_clusters():
    nodes, clusters = hierarchy(two_triangles(), triangles_assignment()).levels
    assert edges_of(nodes) == dict.fromkeys(
        [(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (3, 5), (4, 5)], 1.0
    )
    assert nodes.mass.tolist() == [1.0] * 6
    # Clusters in use in the order of their numbers: 1, then 3.
    assert clusters.index.tolist() == [1, 3]
    assert clusters.hidden == 3
    assert nodes.hidden == 0
    assert nodes.cluster.tolist() == [1, 1, 1, 0, 0, 0]
    assert torch.allclose(nodes.membership[0], torch.tensor([0.025, 0.9], dtype=torch.double))
    assert torch.allclose(clusters.mass, torch.tensor([2.775, 2.775], dtype=torch.double))
    assert clusters.cluster.tolist() == [-1, -1]
    assert clusters.membership.shape == (2, 0)


def test_coarse_edges_are_the_pooled_adjacency_without_its_diagonal():
    data, s = two_triangles(), triangles_assignment()
    [(pair, weight)] = edges_of(hierarchy(data, s).levels[1]).items()
    adj = torch.zeros(6, 6).index_put_(tuple(data.edge_index), torch.ones(14))
    assert pair == (0, 1)
    assert weight == pytest.approx(float((s.t() @ adj @ s)[1, 3]), rel=1e-6)


@pytest.mark.parametrize("graph", [0, 1])
def test_pooled_graphs_and_their_assignments_alone_agree(graph):
    batch, out = three_levels()
    from_output = hierarchy(batch, out, graph=graph)
    assignments = [level.assignment for level in out.levels]
    assert_equal(from_output, hierarchy(batch, assignments, graph=graph))
    assert_equal(from_output, hierarchy(batch, tuple(out.levels), graph=graph))
    assert_equal(from_output, hierarchy(batch, [out.levels[0], assignments[1]], graph=graph))


def test_each_level_of_each_graph():
    batch, out = three_levels()
    first, second = (hierarchy(batch, out, graph=graph).levels for graph in (0, 1))
    assert [level.index.tolist() for level in first] == [[0, 1, 2, 3], [0, 5], [0, 1]]
    assert [level.index.tolist() for level in second] == [[*range(8)], [0, 1, 2, 7], [0, 1]]
    assert second[1].cluster.tolist() == [0, 0, 1, 1]
    assert second[1].mass.tolist() == [2.0, 2.0, 3.0, 1.0]
    assert second[2].mass.tolist() == [4.0, 4.0]
    assert [level.hidden for level in second] == [0, 4, 0]
    # The ring of 8 in two halves: two edges between them.
    assert edges_of(second[2]) == {(0, 1): 2.0}


def test_coarse_adjacency_of_a_pooled_graph_is_taken_as_it_is():
    batch, out = three_levels()
    changed = out.levels[0]._replace(adj=out.levels[0].adj * 3)
    plain, tripled = (edges_of(hierarchy(batch, [x]).levels[1]) for x in (out.levels[0], changed))
    assert tripled == {pair: 3 * weight for pair, weight in plain.items()}


def test_colors_lead_through_the_levels():
    batch, out = three_levels()
    nodes, clusters, last = hierarchy(batch, out, graph=1).levels
    # Heaviest first: cluster 2 (mass 3), then 0 and 1, then 7.
    assert clusters.color == [PALETTE[1], PALETTE[2], PALETTE[0], PALETTE[3]]
    assert nodes.color == [clusters.color[row] for row in nodes.cluster]
    assert last.color == [PALETTE[1], PALETTE[0]]
    assert last.mark == ["o", "o"]


def test_own_colors():
    own = {0: "#123456", 9: "#654321"}
    clusters = hierarchy(ring(4), one_hot_assignment([0, 0, 1, 2], 3), colors=own).levels[1]
    assert clusters.color == ["#123456", PALETTE[0], PALETTE[1]]


def test_masked_clusters_are_not_in_use():
    data = ring(4)
    s = one_hot_assignment([0, 1, 2, 3], 4)
    s[3] = torch.tensor([0.3, 0.2, 0.1, 0.4])
    mask = torch.tensor([[True, True, True, False]])
    level = hierarchy(data, pooled(s, data, mask)).levels[1]
    assert level.index.tolist() == [0, 1, 2]
    assert level.hidden == 0
    assert hierarchy(data, pooled(s, data, mask)).levels[0].cluster.tolist() == [0, 1, 2, 0]


def test_rows_of_masked_clusters_say_nothing():
    data = ring(4)
    mask = torch.tensor([[True, True, False]])
    first = pooled(one_hot_assignment([0, 0, 1, 1], 3), data, mask)
    second = one_hot_assignment([0, 1, 0], 2)
    second[2] = 0.0
    assert hierarchy(data, [first, second]).levels[1].cluster.tolist() == [0, 1]


def test_a_trained_kind_of_network_with_a_ratio():
    torch.manual_seed(1)
    batch = Batch.from_data_list([ring(5), ring(9)])
    batch.x = torch.randn(14, 3)
    net = DiffPoolNet(3, 8, 2, max_clusters=[6, 3], ratio=0.5).eval()
    levels = hierarchy(batch, net(batch.x, batch.edge_index, batch=batch.batch)).levels
    # ⌈5/2⌉ = 3 and ⌈3/2⌉ = 2 clusters may be used.
    assert [level.index.numel() + level.hidden for level in levels] == [5, 3, 2]
    assert levels[2].mass.sum() <= 5.0001
    assert not any(level.position.requires_grad for level in levels)


def test_pooling_of_a_dense_level():
    mask = torch.tensor([[True, True, True], [True, True, False]])
    pool = DiffPool(SAGEConv(2, 4), SAGEConv(2, 2), max_clusters=2)
    adj = (mask[:, None] & mask[:, :, None]).float()
    out = pool(torch.randn(2, 3, 2), adj, mask=mask)
    data = Data(edge_index=torch.tensor([[0, 3], [1, 4]]), batch=torch.tensor([0, 0, 0, 1, 1]))
    nodes = hierarchy(data, out, graph=1).levels[0]
    likeliest = out.assignment[1, :2].argmax(1)
    used = likeliest.unique()
    assert nodes.index.numel() == 2
    assert torch.allclose(nodes.membership.float(), out.assignment[1, :2][:, used])
    assert used[nodes.cluster].tolist() == likeliest.tolist()


def test_weights_directions_duplicates_and_loops():
    edge_index = torch.tensor([[0, 1, 0, 0, 2, 2, 1], [1, 0, 1, 2, 0, 2, 2]])
    weight = torch.tensor([1.0, 3.0, 2.0, 1.0, -1.0, 9.0, 4.0])
    s = torch.eye(3)
    expected = {(0, 1): 3.0, (1, 2): 2.0}  # (1 + 2 + 3) / 2, 4 / 2; 0 – 2 cancels, 2 – 2 is a loop
    for stores in ({"edge_weight": weight}, {"edge_attr": weight}):
        data = Data(edge_index=edge_index, num_nodes=3, **stores)
        nodes, clusters = hierarchy(data, s).levels
        assert edges_of(nodes) == expected
        assert edges_of(clusters) == expected


def test_attributes_that_are_no_weights():
    edge_index = torch.tensor([[0, 1], [1, 0]])
    for attribute in (torch.tensor([7, 7]), torch.ones(2, 4)):
        data = Data(edge_index=edge_index, edge_attr=attribute, num_nodes=2)
        assert edges_of(hierarchy(data, torch.eye(2)).levels[0]) == {(0, 1): 1.0}


def test_sparse_adjacency():
    data = Data(edge_index=torch.tensor([[0, 1], [1, 2]]), num_nodes=3, x=torch.ones(3, 1))
    sparse = ToSparseTensor(layout=torch.sparse_csr)(data.clone())
    assert sparse.edge_index is None
    assert_equal(hierarchy(data, torch.eye(3)), hierarchy(sparse, torch.eye(3)))


@pytest.mark.parametrize("num_nodes", [1, 2, 7])
def test_graphs_without_edges(num_nodes):
    data = Data(edge_index=torch.empty(2, 0, dtype=torch.long), num_nodes=num_nodes)
    s = [torch.ones(num_nodes, 3) / 3, torch.ones(3, 1)]
    levels = hierarchy(data, s).levels
    assert [level.index.numel() for level in levels] == [num_nodes, 1, 1]
    assert [level.edge.shape for level in levels] == [(2, 0)] * 3
    assert all(level.position.isfinite().all() for level in levels)
    assert len(levels[0].position.unique(dim=0)) == num_nodes


def test_unsorted_batches():
    data = Data(edge_index=torch.tensor([[0, 1], [2, 3]]), batch=torch.tensor([1, 0, 1, 0]))
    nodes, clusters = hierarchy(data, torch.eye(4), graph=1).levels
    assert edges_of(nodes) == {(0, 1): 0.5}  # one way only
    assert clusters.index.tolist() == [0, 2]


def test_half_precision():
    s = (torch.arange(24.0).view(6, 4) / 7).softmax(1).bfloat16()
    data = two_triangles()
    nodes = hierarchy(data, s).levels[0]
    assert nodes.cluster.tolist() == [0] * 6
    assert nodes.membership.dtype == torch.double


def test_positions():
    batch, out = three_levels()
    one, same, other = (hierarchy(batch, out, graph=1, seed=seed).levels for seed in (0, 0, 1))
    for left, right in zip(one, same, strict=True):
        assert torch.equal(left.position, right.position)
        assert left.position.abs().max() <= 1 + 1e-9
    assert not torch.equal(one[0].position, other[0].position)


def test_clusters_stand_about_where_their_members_do():
    data = two_triangles()
    given = torch.tensor([[0.0, 0], [0, 1], [1, 0], [9, 0], [9, 1], [8, 0]])
    nodes, clusters = hierarchy(data, triangles_assignment(), position=given).levels
    # Fitted into the square: x from 0 to 9 becomes -1 to 1, y keeps the proportions.
    assert torch.allclose(nodes.position[:, 0].float(), given[:, 0] / 4.5 - 1)
    assert clusters.position[1, 0] < clusters.position[0, 0]  # cluster 3 is that on the left


def test_members_of_one_cluster_stand_together():
    # Neighbours on the ring are in different clusters of clusters.
    s = [one_hot_assignment(torch.arange(40) % 12, 12), one_hot_assignment([0, 1, 2] * 4, 3)]
    level = hierarchy(ring(40), s).levels[1]
    middles = torch.stack([level.position[level.cluster == row].mean(0) for row in range(3)])
    nearest = torch.cdist(level.position, middles).argmin(1)
    assert nearest.tolist() == level.cluster.tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"out": []}, "at least one pooling, got none"),
        ({"out": DiffPoolOutput(torch.zeros(1, 2), torch.zeros(()), [])}, "flat network"),
        ({"out": torch.eye(5)}, "one row for each of the 6 nodes of data, got 5"),
        ({"out": torch.ones(6)}, r"expected shape \[N, K\] or \[B, N, K\]"),
        ({"out": torch.ones(6, 0)}, "K >= 1"),
        ({"out": [torch.ones(6, 1), torch.ones(2, 1)]}, "expected 1 rows"),
        ({"out": torch.ones(2, 6, 1)}, "batch: expected the graph of each node, out holds 2"),
        ({"out": [torch.ones(6, 1), torch.ones(3, 1, 1)]}, "out holds 3"),
        ({"out": torch.ones(1, 5, 1)}, "a row for each of the 6 nodes of graph 0, got 5"),
        ({"out": torch.randn(6, 3) * 9}, "expected probabilities that sum to one"),
        ({"out": torch.full((6, 2), torch.nan)}, r"got the row \[nan, nan\]"),
        ({"graph": 1}, "graph: expected 0 to 0, got 1"),
        ({"graph": -1}, "graph: expected 0 to 0, got -1"),
        ({"max_nodes": 5}, "6 nodes, of which a picture shows little; max_nodes=6"),
        ({"position": torch.zeros(5, 2)}, r"position: expected finite numbers of shape \(6, 2\)"),
        ({"position": torch.full((6, 2), torch.inf)}, "position: expected finite"),
        ({"colors": {3: "red"}}, "color: expected '#rrggbb', got 'red'"),
        ({"colors": {3: "#00000g"}}, "color: expected '#rrggbb', got '#00000g'"),
        ({"data": Data(x=torch.ones(6, 1))}, "edge_index or adj_t, got neither"),
    ],
)
def test_bad_values(changes, message):
    arguments = {"data": two_triangles(), "out": triangles_assignment(), **changes}
    with pytest.raises(ValueError, match=message):
        hierarchy(arguments.pop("data"), arguments.pop("out"), **arguments)


def test_bad_batches():
    batch = Batch.from_data_list([ring(3), ring(3)])
    with pytest.raises(ValueError, match="expected 2 graphs, as many as data, got 3"):
        hierarchy(batch, [torch.ones(6, 1), torch.ones(3, 1, 1)])
    with pytest.raises(ValueError, match=r"as many graphs on each level, got \[2, 3\]"):
        hierarchy(batch, [torch.ones(2, 3, 1), torch.ones(3, 1, 1)])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Data(edge_index=PAIR, batch=torch.tensor([0, 0, 2])), "graph 1 has no nodes"),
        (Data(edge_index=PAIR, batch=torch.tensor([0, 1, 1])), "no edge between graph 1"),
        (Data(edge_index=PAIR + 2, batch=torch.tensor([0, 1, 1])), "from 0 to 2, got 2 to 3"),
        (Data(edge_index=PAIR, batch=torch.tensor([1, 1])), "each of the 2 nodes of data, got 3"),
        (
            Data(edge_index=PAIR, edge_weight=torch.ones(2), batch=torch.ones(3).long()),
            "expected 1 weights, got 2",
        ),
        (
            Data(edge_index=PAIR, edge_weight=torch.ones(1) / 0, batch=torch.ones(3).long()),
            "edge_weight: expected finite weights, got inf",
        ),
    ],
)
def test_bad_graphs(data, message):
    with pytest.raises(ValueError, match=message):
        hierarchy(data, torch.eye(3), graph=1)


@pytest.mark.parametrize(
    ("data", "out", "message"),
    [
        (torch.ones(2), torch.eye(2), "data: expected a Data or a Batch, got Tensor"),
        (ring(2), None, "out: expected a DiffPoolOutput"),
        (ring(2), "s", "PooledGraphs or assignment tensors, got str"),
        (ring(2), [torch.eye(2), 3], "PooledGraphs or assignment tensors, got int"),
        (ring(2), torch.eye(2).long(), "floating dtype, got torch.int64"),
    ],
)
def test_bad_types(data, out, message):
    with pytest.raises(TypeError, match=message):
        hierarchy(data, out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"graph": "0"}, "graph: expected an integer, got str"),
        ({"graph": 0.0}, "graph: expected an integer, got float"),
        ({"position": [[0, 0]] * 6}, "position: expected a tensor, got list"),
        ({"colors": ["#000000"]}, "colors: expected a mapping from numbers of clusters"),
    ],
)
def test_bad_types_of_options(options, message):
    with pytest.raises(TypeError, match=message):
        hierarchy(two_triangles(), triangles_assignment(), **options)
