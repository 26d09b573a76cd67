import re
import subprocess
import sys

import matplotlib.colors
import matplotlib.path
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Wedge

from pyg_diffpool.visualize import hierarchy, plot_assignment, plot_hierarchy, plot_training
from pyg_diffpool.visualize.drawing import edge_widths
from pyg_diffpool.visualize.palette import PALETTE
from tests.visualize.graphs import (
    one_hot_assignment,
    ring,
    three_levels,
    triangles_assignment,
    two_triangles,
)


def draw(data, out, **options):
    levels = 1 + (len(out.levels) if hasattr(out, "levels") else len(out))
    return plot_hierarchy(data, out, axes=Figure().subplots(1, levels), **options)


def parts_of(ax, gid):
    return [part for part in ax.collections if part.get_gid() == gid]


def hex_colors(colors):
    return [matplotlib.colors.to_hex(color) for color in colors]


def test_nodes_stand_at_their_places_in_their_colors():
    batch, out = three_levels()
    axes = draw(batch, out, graph=1)
    for ax, level in zip(axes[:2], hierarchy(batch, out, graph=1).levels, strict=False):
        [nodes] = parts_of(ax, "nodes")
        boxes = [path.get_extents() for path in nodes.get_paths()]
        middles = np.array([[(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2] for box in boxes])
        assert np.allclose(middles, level.position, atol=1e-6)
        if ax is axes[1]:
            assert hex_colors(nodes.get_facecolor()) == level.color


def test_nodes_are_the_paler_the_less_sure_they_are():
    s = torch.tensor([[1.0, 0.0], [0.8, 0.2], [0.6, 0.4], [0.0, 1.0]])
    panel = draw(ring(4), [s])[0]
    [nodes] = parts_of(panel, "nodes")
    first, other = hierarchy(ring(4), s).levels[0].color[1::2]
    sure, less, least, second = nodes.get_facecolor()[:, :3]
    assert [matplotlib.colors.to_hex(color) for color in (sure, second)] == [first, other]
    white = np.ones(3)
    assert np.allclose(white - less, 0.84 * (white - sure), atol=0.004)
    assert np.allclose(white - least, 0.68 * (white - sure), atol=0.004)
    assert panel.get_xlabel().endswith("; pale: unsure")
    assert "pale" not in draw(ring(4), [torch.eye(4)])[0].get_xlabel()


def test_hulls_contain_their_nodes_in_the_color_of_the_next_level():
    batch, out = three_levels()
    axes = draw(batch, out, graph=1)
    levels = hierarchy(batch, out, graph=1).levels
    # Level 0: the parts of clusters 0, 1, 2 and 7 on the ring hang together. Level 1: two groups.
    for number, count in ((0, 4), (1, 2)):
        fill, line = parts_of(axes[number], "hulls")
        hulls = [path.vertices for path in fill.get_paths()]
        assert len(hulls) == count
        assert hex_colors(fill.get_facecolor()) == hex_colors(line.get_edgecolor())
        by_color = dict(zip(hex_colors(fill.get_facecolor()), hulls, strict=True))
        level, above = levels[number], levels[number + 1]
        [nodes] = parts_of(axes[number], "nodes")
        for path, cluster in zip(nodes.get_paths(), level.cluster, strict=True):
            hull = matplotlib.path.Path(by_color[above.color[cluster]])
            assert hull.contains_points(path.vertices).all()
    assert max(part.zorder for part in parts_of(axes[0], "hulls")) < min(
        part.zorder for part in (*parts_of(axes[0], "edges"), *parts_of(axes[0], "nodes"))
    )


def test_a_cluster_that_falls_apart_has_a_hull_for_each_part():
    [nodes, _] = draw(ring(6), [one_hot_assignment([0, 0, 1, 0, 0, 1], 2)])
    colors = hex_colors(parts_of(nodes, "hulls")[0].get_facecolor())
    assert sorted(colors) == sorted([PALETTE[0]] * 2 + [PALETTE[1]] * 2)


def test_rings_hold_the_colors_of_level_1_by_mass():
    batch, out = three_levels()
    last = draw(batch, out, graph=1)[2]
    level_1 = hierarchy(batch, out, graph=1).levels[1]
    wedges = [patch for patch in last.patches if isinstance(patch, Wedge)]
    shares = {
        matplotlib.colors.to_hex(wedge.get_facecolor()): (wedge.theta2 - wedge.theta1) / 360
        for wedge in wedges
    }
    # Masses 2 and 2 make the one cluster, 3 and 1 the other.
    expected = dict(zip(level_1.color, [0.5, 0.5, 0.75, 0.25], strict=True))
    assert shares == pytest.approx(expected)


def test_unused_clusters_are_absent_and_told_of():
    nodes, clusters = draw(two_triangles(), [triangles_assignment()])
    assert len(parts_of(clusters, "nodes")[0].get_paths()) == 2
    assert nodes.get_title() == "Level 0: the input graph, 6 nodes"
    assert clusters.get_title() == "Level 1: 2 of 5 clusters in use"
    assert [text.get_text() for text in clusters.texts] == ["1", "n=3", "3", "n=3"]


def test_area_of_clusters_by_mass():
    cluster = [0] * 9 + [1] * 4 + [2] * 9 + [3] * 4
    panel = draw(ring(26), [one_hot_assignment(cluster, 4)])[1]
    widths = [path.get_extents().width for path in parts_of(panel, "nodes")[0].get_paths()]
    assert widths[0] / widths[1] == pytest.approx(3 / 2)


def test_widths_of_edges_grow_with_weight():
    torch.manual_seed(0)
    s = torch.rand(40, 6).softmax(1) ** 3
    s = s / s.sum(1, keepdim=True)
    data = ring(40)
    level = hierarchy(data, s).levels[1]
    [edges] = parts_of(draw(data, [s])[1], "edges")
    widths = np.array(edges.get_linewidths())
    order = level.weight.argsort().numpy()
    assert len(widths) == len(order) > 1
    assert (np.diff(widths[order]) > 0).all()
    assert np.allclose(edges.get_segments(), level.position[level.edge.t()])


def test_negative_and_tiny_weights_are_seen():
    widths = edge_widths(np.array([-4.0, 2.0, 1e-9]), clusters=True)
    assert widths[0] == 2 * widths[1]
    assert widths[2] > 0


def test_more_clusters_than_colors_differ_in_marks():
    panel = draw(ring(24), [torch.eye(24)])[1]
    [nodes] = parts_of(panel, "nodes")
    looks = zip(nodes.get_paths(), hex_colors(nodes.get_facecolor()), strict=True)
    assert len({(len(path.vertices), color) for path, color in looks}) == 24


def test_the_same_picture_from_the_same_input():
    batch, out = three_levels()

    def pixels(seed):
        figure = Figure(dpi=50)
        canvas = FigureCanvasAgg(figure)
        plot_hierarchy(batch, out, graph=1, axes=figure.subplots(1, 3), seed=seed)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())

    assert (pixels(0) == pixels(0)).all()
    assert (pixels(0) != pixels(3)).any()


def test_a_new_figure():
    axes = plot_hierarchy(*three_levels())
    assert axes.shape == (3,)
    assert axes[0].figure.axes == list(axes)
    assert plt.fignum_exists(axes[0].figure.number)
    plt.close(axes[0].figure)


def test_axes_of_any_arrangement():
    grid = Figure().subplots(2, 2)
    data, s = two_triangles(), [triangles_assignment()]
    assert list(plot_hierarchy(data, s, axes=grid[1])) == list(grid[1])
    assert list(plot_hierarchy(data, s, axes=list(grid[:, :1]))) == list(grid[:, 0])
    with pytest.raises(ValueError, match="axes: expected 2, one for each panel, got 4"):
        plot_hierarchy(data, s, axes=grid)
    with pytest.raises(ValueError, match="axes: expected 2, one for each panel, got 1"):
        plot_hierarchy(data, s, axes=grid[0, 0])
    with pytest.raises(TypeError, match="axes: expected Matplotlib's Axes, got Figure"):
        plot_hierarchy(data, s, axes=[grid[0, 0].figure, grid[0, 0]])


def test_numbers_and_captions_can_be_left_out():
    axes = draw(two_triangles(), [triangles_assignment()], numbers=False, captions=False)
    assert not any(ax.texts or ax.get_xlabel() for ax in axes)
    # Forty-one numbers do not fit.
    assert not draw(ring(41), [torch.eye(41)])[1].texts


def test_thousands_of_nodes_and_no_edges():
    data = ring(6000)
    axes = draw(data, [one_hot_assignment(torch.arange(6000) // 600, 10)])
    assert len(parts_of(axes[0], "nodes")[0].get_paths()) == 6000
    data.edge_index = data.edge_index[:, :0]
    axes = draw(data, [one_hot_assignment(torch.zeros(6000).long(), 1)])
    assert parts_of(axes[1], "edges")[0].get_segments() == []
    with pytest.raises(ValueError, match="6000 nodes, of which a picture shows little"):
        draw(data, [torch.ones(6000, 1)], max_nodes=2000)


def test_one_node():
    axes = draw(ring(1), [torch.ones(1, 1), torch.ones(1, 1, 1)])
    assert [ax.get_title() for ax in axes[1:]] == [
        "Level 1: 1 of 1 clusters in use",
        "Level 2: 1 of 1 clusters in use",
    ]


@pytest.mark.parametrize(
    ("package", "pictures"), [("matplotlib", 3), ("networkx", 1), ("scipy", 1)]
)
def test_missing_packages(package, pictures, monkeypatch):
    data, s = two_triangles(), triangles_assignment()
    for name in [package, *sys.modules]:
        if name.partition(".")[0] == package:
            monkeypatch.setitem(sys.modules, name, None)
    expected = re.escape(f'needs {package}: pip install "pyg-diffpool[visualize]"')
    draws = [
        lambda: plot_hierarchy(data, s),
        lambda: plot_assignment(s),
        lambda: plot_training({"train_loss": [1.0]}),
    ]
    for draw_picture in draws[:pictures]:
        with pytest.raises(ImportError, match=expected):
            draw_picture()


def test_imports():
    code = (
        "import sys, pyg_diffpool; assert 'pyg_diffpool.visualize' not in sys.modules; "
        "sys.modules['matplotlib'] = None; import pyg_diffpool.visualize; "
        "assert not any(name.startswith('matplotlib.') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
