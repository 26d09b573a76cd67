import pytest
import torch
from torch_geometric.data import Batch, Data

from benchmarks.training.forward import Forward
from benchmarks.training.level_figures import (
    INPUT_PANEL,
    PANEL,
    assignment_figure,
    hierarchy_figure,
)
from tests.benchmarks.training.small_graphs import pooling

pytest.importorskip("networkx")


@pytest.fixture
def drawn():
    """A path of five nodes, and what a network of two poolings makes of it."""
    path = torch.tensor([[0, 1, 2, 3, 1, 2, 3, 4], [1, 2, 3, 4, 0, 1, 2, 3]])
    batch = Batch.from_data_list([Data(x=torch.eye(5, 3), edge_index=path)])
    with torch.no_grad():
        return batch, Forward(pooling().eval())(batch)


def places(axes):
    """Where the nodes of a panel are."""
    (nodes,) = [part for part in axes.collections if part.get_gid() == "nodes"]
    return [path.vertices.mean(0).tolist() for path in nodes.get_paths()]


def test_a_hierarchy_has_the_input_and_a_panel_for_each_pooling(drawn):
    figure = hierarchy_figure(*drawn, "a title", "a note")
    assert figure.get_suptitle() == "a title"
    # An empty line keeps the note off the captions.
    assert figure.get_supxlabel() == "\na note"
    assert figure.get_size_inches().tolist() == pytest.approx([PANEL * (INPUT_PANEL + 2), 5.2])
    assert len(figure.axes) == 3
    assert len(places(figure.axes[0])) == 5
    for number, axes in enumerate(figure.axes):
        assert axes.get_title().startswith(f"Level {number}: ")
    assert hierarchy_figure(*drawn, "a title").get_supxlabel() == ""


def test_the_seed_decides_the_layout(drawn):
    first, again, other = (
        places(hierarchy_figure(*drawn, "", layout=seed).axes[0]) for seed in (0, 0, 1)
    )
    assert first == again != other


def test_assignments_have_a_panel_for_each_pooling(drawn):
    figure = assignment_figure(drawn[1], "a title")
    assert figure.get_suptitle() == "a title"
    assert figure.get_size_inches().tolist() == pytest.approx([2 * PANEL, PANEL])
    first, second = [axes for axes in figure.axes if axes.images]
    assert first.get_title().startswith("Level 0: 5 nodes to ")
    assert second.get_title().startswith("Level 1: ")
    # A column for each cluster that is the likeliest of some node.
    assignment = drawn[1].levels[0].assignment
    expected = assignment[:, assignment.argmax(1).unique()]
    shown = first.images[0].get_array()
    assert shown.shape == expected.shape
    assert float(shown.sum()) == pytest.approx(float(expected.sum()))
