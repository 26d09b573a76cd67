from types import SimpleNamespace

import matplotlib.colors
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

from benchmarks.commands.demo_picture import PALETTE, cluster_hues, community_name, draw_clusters
from pyg_diffpool.datasets import CommunityChains

COLORS = 10


class ByColor(nn.Module):
    """Puts the nodes of each colour, which features without noise tell, into the next cluster."""

    def forward(self, x, edge_index):
        s = x.roll(1, dims=1)
        adj = torch.zeros(len(s), len(s))
        adj[tuple(edge_index)] = 1
        return SimpleNamespace(levels=[SimpleNamespace(assignment=s, adj=(s.t() @ adj @ s)[None])])


@pytest.fixture
def dataset():
    return CommunityChains(6, noise=0.0)


def test_hues_follow_the_assignment(dataset):
    hues = cluster_hues(ByColor(), list(dataset))
    assert all(hues[(hue + 1) % COLORS] == hue for hue in dataset._data.color.unique().tolist())


def test_ends_have_capitals_and_bridges_small_letters():
    assert "".join(map(community_name, range(COLORS))) == "ABCDpqrstu"


def drawn(graphs, hues, path, monkeypatch):
    """Return the panels, graph by graph: true communities, learned clusters, pooled graph."""
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *a, **options: figures.append(figure))
    draw_clusters(ByColor(), graphs, hues, path)
    panels = figures[0].axes
    return [panels[column :: len(graphs)] for column in range(len(graphs))]


def colors_of(panel):
    """The colours of a panel's nodes, node by node."""
    (nodes,) = [part for part in panel.collections if len(part.get_offsets()) > 1]
    return [matplotlib.colors.to_hex(color).upper() for color in nodes.get_facecolors()]


def test_nodes_have_the_colours_of_their_community_and_of_their_cluster(
    dataset, tmp_path, monkeypatch
):
    graphs = [dataset[0], dataset[1]]
    right = {(hue + 1) % COLORS: hue for hue in range(COLORS)}
    for data, panels in zip(graphs, drawn(graphs, right, tmp_path / "p", monkeypatch), strict=True):
        true, learned, _ = panels
        assert colors_of(true) == [PALETTE[hue].upper() for hue in data.color.tolist()]
        assert colors_of(learned) == colors_of(true)
        assert "100% of nodes in the right one" in learned.get_title()
        ends = [community_name(int(data.color[data.community == place][0])) for place in range(6)]
        assert f"{ends[0]}–{ends[2]} and {ends[3]}–{ends[5]}" in true.get_title()
        assert [text.get_text() for text in true.texts] == ends


def test_a_wrong_hue_lowers_the_share_that_is_right(dataset, tmp_path, monkeypatch):
    data = dataset[0]
    hues = {(hue + 1) % COLORS: hue for hue in range(COLORS)}
    mistaken = int(data.color[0])
    hues[(mistaken + 1) % COLORS] = (mistaken + 1) % COLORS
    ((_, learned, _),) = drawn([data], hues, tmp_path / "p", monkeypatch)
    share = (data.color != mistaken).double().mean()
    assert f"({float(share):.0%} of nodes in the right one)" in learned.get_title()


def test_the_pooled_graph_has_a_node_a_colour_and_lines_as_wide_as_their_weight(
    dataset, tmp_path, monkeypatch
):
    data = dataset[0]
    hues = {(hue + 1) % COLORS: hue for hue in range(COLORS)}
    ((_, _, pooled),) = drawn([data], hues, tmp_path / "p", monkeypatch)
    found = sorted(data.color.unique().tolist())
    assert sorted(text.get_text() for text in pooled.texts) == sorted(map(community_name, found))
    source, target = data.color[data.edge_index]
    between = [
        int(((source == one) & (target == other)).sum())
        for number, one in enumerate(found)
        for other in found[number + 1 :]
    ]
    widths = [line.get_linewidth() for line in pooled.lines]
    assert widths == pytest.approx([7 * count / max(between) for count in between])
    sizes = sorted(float(part.get_sizes()[0]) for part in pooled.collections)
    assert sizes == sorted(60.0 * int((data.color == hue).sum()) for hue in found)
