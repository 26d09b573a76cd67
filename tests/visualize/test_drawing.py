"""What is drawn of a level: sizes by mass, widths by weight, and one shape for each node."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Wedge

from pyg_diffpool.visualize import drawing, hierarchy
from tests.visualize.graphs import ring, triangles_assignment, two_triangles


@pytest.fixture
def axes():
    return Figure().subplots()


@pytest.fixture
def levels():
    return hierarchy(two_triangles(), triangles_assignment()).levels


def of(axes, name):
    return [collection for collection in axes.collections if collection.get_gid() == name]


def test_nodes_of_the_graph_are_equally_large_and_apart(levels):
    radius = drawing.node_radii(levels[0], clusters=False)
    assert len(set(radius.tolist())) == 1
    position = levels[0].position.numpy()
    distance = np.linalg.norm(position[:, None] - position[None], axis=-1)
    nearest = (distance + np.where(np.eye(6) == 1, np.inf, 0)).min(1)
    assert radius[0] == pytest.approx(min(0.07, max(0.42 * np.median(nearest), 0.1 / 6**0.5)))


def test_nodes_on_one_place_still_have_a_size(levels):
    level = replace(levels[0], position=torch.zeros_like(levels[0].position))
    assert drawing.node_radii(level, False).tolist() == pytest.approx([min(0.07, 0.1 / 6**0.5)] * 6)


def test_areas_of_clusters_show_their_mass(levels):
    apart = torch.tensor([[0.0, 0.0], [10.0, 0.0]]).to(levels[1].position)
    level = replace(levels[1], position=apart, mass=torch.tensor([4.0, 1.0]).to(levels[1].mass))
    radius = drawing.node_radii(level, clusters=True)
    # The areas that all take together, up to π; sizes are cut off at 0.26 and 0.06.
    assert radius.tolist() == pytest.approx([0.26, (0.16 / 5) ** 0.5])
    tiny = replace(level, mass=torch.tensor([1.0, 0.0]).to(level.mass))
    assert drawing.node_radii(tiny, True).tolist() == pytest.approx([0.26, 0.06])


def test_clusters_shrink_until_they_do_not_touch(levels):
    near = torch.tensor([[0.0, 0.0], [0.1, 0.0]]).to(levels[1].position)
    level = replace(levels[1], position=near)
    assert drawing.node_radii(level, True).sum() == pytest.approx(0.085)


def test_widths_are_in_proportion_and_hairlines_at_least():
    weight = np.array([8.0, -4.0, 0.01])
    widest = 7 / (1 + 3 / 30)
    assert drawing.edge_widths(weight, True).tolist() == pytest.approx([widest, widest / 2, 0.15])
    assert drawing.edge_widths(weight, False).tolist() == pytest.approx([1.2, 0.6, 0.15])
    assert drawing.edge_widths(np.ones(2000), False)[0] == pytest.approx(0.4)
    assert drawing.edge_widths(np.empty(0), True).size == 0


def test_every_edge_is_a_line_between_its_ends(axes, levels):
    drawing.draw_edges(axes, levels[0], clusters=False)
    (lines,) = of(axes, "edges")
    wanted = levels[0].position[levels[0].edge.t()].numpy()
    assert np.allclose(np.stack(lines.get_segments()), wanted)
    assert lines.get_alpha() == 0.7
    assert lines.get_zorder() == drawing.EDGES
    assert np.allclose(lines.get_linewidths(), drawing.edge_widths(levels[0].weight.numpy(), False))


def test_many_lines_are_paler(axes):
    node = torch.arange(300)
    data = ring(300)
    level = hierarchy(
        data, torch.ones(300, 1), position=torch.stack([node, node % 7], 1).float()
    ).levels[0]
    assert level.weight.numel() >= 300
    drawing.draw_edges(axes, level, clusters=False)
    assert of(axes, "edges")[0].get_alpha() == 0.35


def test_every_node_is_its_mark_in_its_colour_at_its_place(axes, levels):
    radius = drawing.node_radii(levels[0], False)
    colors = ["#ff0000", "#00ff00", "#0000ff"] * 2
    drawing.draw_nodes(axes, levels[0], radius, colors)
    (nodes,) = of(axes, "nodes")
    paths = nodes.get_paths()
    assert len(paths) == 6
    for path, place in zip(paths, levels[0].position.numpy(), strict=True):
        low, high = path.get_extents().get_points()
        assert (low < place).all()
        assert (high > place).all()
    assert nodes.get_facecolors()[:3, :3].tolist() == np.eye(3).tolist()
    assert nodes.get_linewidths().tolist() == [0.4]


def test_hulls_hold_the_nodes_of_a_cluster(axes, levels):
    radius = drawing.node_radii(levels[0], False)
    outlines = drawing.draw_hulls(axes, levels[0], levels[1].color, radius, by_part=False)
    assert len(outlines) == 2
    for cluster, outline in enumerate(outlines):
        inside = levels[0].position[levels[0].cluster == cluster].numpy()
        assert (outline.min(0) < inside.min(0)).all()
        assert (outline.max(0) > inside.max(0)).all()
    filled, lined = of(axes, "hulls")
    assert filled.get_alpha() == drawing.HULL_OPACITY
    assert len(filled.get_paths()) == len(lined.get_paths()) == 2


def test_parts_of_a_cluster_may_have_hulls_of_their_own(axes, levels):
    """Without edges, every node is a part."""
    level = replace(levels[0], edge=levels[0].edge[:, :0], weight=levels[0].weight[:0])
    radius = drawing.node_radii(level, False)
    assert len(drawing.draw_hulls(axes, level, levels[1].color, radius, by_part=True)) == 6
    assert len(drawing.draw_hulls(axes, level, levels[1].color, radius, by_part=False)) == 2


def test_rings_are_cut_by_mass(axes, levels):
    radius = drawing.node_radii(levels[1], True)
    pieces = [[(3.0, "#ff0000"), (1.0, "#00ff00")], [(2.0, "#0000ff")]]
    drawing.draw_rings(axes, levels[1], radius, pieces)
    wedges = [patch for patch in axes.patches if isinstance(patch, Wedge)]
    assert [(wedge.theta1, wedge.theta2) for wedge in wedges] == [
        (90 - 270, 90),
        (90 - 360, 90 - 270),
        (90 - 360, 90),
    ]
    holes = [patch for patch in axes.patches if isinstance(patch, Circle)]
    assert [hole.radius for hole in holes] == pytest.approx((drawing.HOLE * radius).tolist())
    for wedge, size in zip(wedges, radius[[0, 0, 1]], strict=True):
        assert wedge.r == pytest.approx(size)
        assert wedge.width == pytest.approx((1 - drawing.HOLE) * size)


def test_numbers_of_clusters_and_of_the_nodes_below(axes, levels):
    radius = drawing.node_radii(levels[1], True)
    drawing.draw_numbers(axes, levels[1], radius, [3, 3], on_white=True)
    assert [text.get_text() for text in axes.texts] == ["1", "n=3", "3", "n=3"]
    for row, (x, y) in enumerate(levels[1].position.tolist()):
        number, below = axes.texts[2 * row : 2 * row + 2]
        assert number.get_position() == pytest.approx((x, y))
        assert below.get_position() == pytest.approx((x, y - radius[row] - 0.015))
        assert number.get_color() == drawing.TEXT
    drawing.draw_numbers(axes, levels[1], radius, [3, 3], on_white=False)
    assert axes.texts[4].get_color() == drawing.ink(levels[1].color[0])
