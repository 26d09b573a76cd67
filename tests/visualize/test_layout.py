import networkx as nx
import numpy as np
import pytest

from pyg_diffpool.visualize.layout import STRESS_NODES, fitted, graph_layout


def layout_of(graph, cluster=None, seed=0):
    num_nodes = graph.number_of_nodes()
    edge = np.array(sorted(map(sorted, graph.edges())), dtype=int).reshape(-1, 2).T
    labels = np.zeros(num_nodes, dtype=int) if cluster is None else np.array(cluster)
    return edge, graph_layout(num_nodes, edge, labels, seed)


def edge_lengths(edge, position):
    return np.linalg.norm(position[edge[0]] - position[edge[1]], axis=1)


@pytest.mark.parametrize("side", [12, 25], ids=["stress", "pivots"])
def test_neighbours_are_near(side):
    graph = nx.convert_node_labels_to_integers(nx.grid_2d_graph(side, side))
    assert (side**2 > STRESS_NODES) == (side == 25)
    edge, position = layout_of(graph)
    distance = np.linalg.norm(position[:, None] - position[None], axis=-1)
    assert edge_lengths(edge, position).max() < 0.25 * distance.max()
    # What is furthest apart in the picture is so in the grid.
    (row, column), (other_row, other_column) = (
        divmod(int(node), side) for node in np.unravel_index(distance.argmax(), distance.shape)
    )
    assert abs(row - other_row) + abs(column - other_column) > 0.9 * 2 * (side - 1)


@pytest.mark.parametrize("num_nodes", [30, STRESS_NODES + 100])
def test_the_same_bit_for_bit(num_nodes):
    graph = nx.random_regular_graph(4, num_nodes, seed=0)
    assert (layout_of(graph)[1] == layout_of(graph)[1]).all()
    assert (layout_of(graph)[1] != layout_of(graph, seed=1)[1]).any()


def test_cliques_that_share_a_node_come_apart():
    """All nodes are one or two hops apart; hops alone hardly tell the cliques from each other."""
    graph = nx.complete_graph(10)
    graph.add_edges_from(nx.complete_graph([0, *range(10, 19)]).edges())
    _, position = layout_of(graph)
    one, other = position[1:10], position[10:]
    reach = max(np.linalg.norm(part - part.mean(0), axis=1).max() for part in (one, other))
    assert np.linalg.norm(one.mean(0) - other.mean(0)) > 3 * reach


def test_twins_do_not_lie_on_each_other():
    _, position = layout_of(nx.star_graph(20))
    distance = np.linalg.norm(position[:, None] - position[None], axis=-1) + 9 * np.eye(21)
    assert distance.min() > 0.05


def test_clusters_contract():
    graph = nx.cycle_graph(20)
    cluster = [0] * 10 + [1] * 10
    edge, position = layout_of(graph, cluster)
    between = (edge == 0).any(0) & (edge == 19).any(0) | (edge == 9).any(0) & (edge == 10).any(0)
    lengths = edge_lengths(edge, position)
    assert lengths[between].min() > 1.1 * lengths[~between].mean()


def test_components_do_not_overlap():
    graph = nx.disjoint_union_all([nx.path_graph(9), nx.cycle_graph(6), nx.empty_graph(4)])
    _, position = layout_of(graph)
    boxes = [
        (position[nodes].min(0), position[nodes].max(0))
        for nodes in map(list, nx.connected_components(graph))
    ]
    for number, (low, high) in enumerate(boxes):
        for other_low, other_high in boxes[:number]:
            assert (np.maximum(low, other_low) > np.minimum(high, other_high)).any()


def test_the_longest_extent_lies_along_the_first_axis():
    _, position = layout_of(nx.path_graph(12))
    assert np.ptp(position[:, 0]) == pytest.approx(2.0)
    assert np.ptp(position[:, 1]) < 0.5


@pytest.mark.parametrize("num_nodes", [1, 3])
def test_no_edges(num_nodes):
    _, position = layout_of(nx.empty_graph(num_nodes))
    assert len(np.unique(position, axis=0)) == num_nodes


def test_fitted_keeps_proportions():
    points = np.array([[1.0, 1.0], [5.0, 3.0], [3.0, 1.0]])
    inside = fitted(points)
    assert inside.min() == -1
    assert inside.max() == 1
    assert np.allclose(inside * 2, points - [3.0, 2.0])
    assert (fitted(np.ones((3, 2))) == 0).all()
