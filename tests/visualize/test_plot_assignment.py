import matplotlib.colors
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from pyg_diffpool.visualize import hierarchy, plot_assignment
from pyg_diffpool.visualize.palette import NEUTRAL, PALETTE
from tests.visualize.graphs import three_levels, triangles_assignment, two_triangles


def draw(s, **options):
    return plot_assignment(s, ax=Figure().subplots(), **options)


def strip(image):
    return [matplotlib.colors.to_hex(color) for color in image.get_array().reshape(-1, 3)]


def test_rows_by_cluster_then_by_probability():
    s = torch.tensor([[0.1, 0.3, 0.6], [0.8, 0.1, 0.1], [0.0, 0.1, 0.9], [0.9, 0.1, 0.0]])
    ax = draw(s)
    heat, rows, columns = ax.images
    assert np.allclose(heat.get_array(), s[[3, 1, 2, 0]][:, [0, 2]])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "2"]
    assert strip(rows) == [PALETTE[0]] * 2 + [PALETTE[1]] * 2
    assert strip(columns) == [PALETTE[0], PALETTE[1]]
    assert (heat.norm.vmin, heat.norm.vmax) == (0, 1)
    assert ax.get_title() == "Level 0: 4 nodes to 2 of 3 clusters"
    # One line between the two clusters.
    assert [line.get_ydata()[0] for line in ax.lines] == [2]


def test_unused_clusters_follow():
    ax = draw(triangles_assignment(), unused=True)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "3", "0", "2", "4"]
    assert ax.images[0].get_array().shape == (6, 5)
    assert strip(ax.images[2])[2:] == [NEUTRAL] * 3


@pytest.mark.parametrize("level", [0, 1])
def test_colors_are_those_of_the_hierarchy(level):
    batch, out = three_levels()
    levels = hierarchy(batch, out, graph=1).levels
    _, rows, columns = draw(out, level=level, graph=1, batch=batch.batch).images
    order = levels[level].cluster.argsort(stable=True)
    assert strip(rows) == [levels[level].color[row] for row in order]
    assert strip(columns) == levels[level + 1].color


def test_later_levels_show_clusters_in_use():
    batch, out = three_levels()
    ax = draw(out, level=1, graph=1, batch=batch.batch)
    assert ax.get_title() == "Level 1: 4 clusters of level 1 to 2 of 2 clusters"
    assert ax.images[0].get_array().tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]


def test_own_colors_and_map():
    ax = draw(triangles_assignment(), colors={3: "#123456"}, cmap="gray", colorbar=False)
    assert strip(ax.images[2]) == [PALETTE[0], "#123456"]
    assert ax.images[0].get_cmap().name == "gray"
    assert len(ax.figure.axes) == 1


def test_masked_clusters_are_no_columns():
    batch, out = three_levels()
    mask = out.levels[0].mask.clone()
    mask[:, 3:5] = False
    ax = draw(out.levels[0]._replace(mask=mask), batch=batch.batch, unused=True)
    assert [label.get_text() for label in ax.get_xticklabels()] == list("051267")
    assert ax.get_title().endswith("to 2 of 6 clusters")


def test_dense_levels():
    s = torch.eye(3).expand(2, 3, 3)
    assert draw(s, graph=1).images[0].get_array().shape == (3, 3)
    ax = draw(s, graph=1, batch=torch.tensor([0, 0, 0, 1, 1]))
    assert ax.images[0].get_array().shape == (2, 2)


def test_a_new_figure():
    ax = plot_assignment(triangles_assignment())
    assert plt.fignum_exists(ax.figure.number)
    plt.close(ax.figure)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 2}, "level: expected 0 to 1, got 2"),
        ({"level": -1}, "level: expected 0 to 1, got -1"),
        ({"batch": None}, "batch: expected the graph of each node, out holds 2"),
        ({"batch": torch.zeros(5)}, "batch: expected 12 numbers, got 5"),
        ({"graph": 2}, "graph: expected 0 to 1, got 2"),
        ({"ax": []}, "axes: expected 1, one for each panel, got 0"),
    ],
)
def test_bad_values(options, message):
    batch, out = three_levels()
    with pytest.raises(ValueError, match=message):
        plot_assignment(out, **{"batch": batch.batch, "ax": Figure().subplots(), **options})


def test_bad_graph_of_a_dense_level():
    with pytest.raises(ValueError, match="graph: expected 0 to 1, got 2"):
        draw(torch.eye(3).expand(2, 3, 3), graph=2)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([0, 0], "graph: graph 1 has no nodes"),
        ([0, 1, 1, 1, 1], "a row for each of the 4 nodes of graph 1, got 3"),
    ],
)
def test_bad_batch_of_a_dense_level(batch, message):
    with pytest.raises(ValueError, match=message):
        draw(torch.eye(3).expand(2, 3, 3), graph=1, batch=torch.tensor(batch))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "0"}, "level: expected an integer, got str"),
        ({"batch": [0] * 6}, "batch: expected a tensor, got list"),
    ],
)
def test_bad_types(options, message):
    with pytest.raises(TypeError, match=message):
        draw(triangles_assignment(), **options)


def test_logits_are_refused():
    with pytest.raises(ValueError, match="expected probabilities that sum to one"):
        draw(two_triangles().x.expand(6, 2))
