"""Picture of learned clusters beside true communities."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib
import networkx as nx
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch_geometric.data import Data
from torch_geometric.utils import to_networkx

from pyg_diffpool import DiffPoolNet
from pyg_diffpool.datasets.communities import CHAIN, COMMUNITIES, NUM_ENDS
from pyg_diffpool.visualize.palette import PALETTE


@torch.no_grad()
def draw_clusters(
    network: DiffPoolNet, graphs: list[Data], hues: dict[int, int], path: Path
) -> None:
    """Draw true communities, learned clusters and the pooled graph of each graph, as a PNG.

    Args:
        network: A trained network of one pooling.
        graphs: Graphs of :class:`pyg_diffpool.datasets.CommunityChains`, one a column.
        hues: Community colour that each cluster mostly holds, see :func:`cluster_hues`.
        path: Where the picture goes.
    """
    network.eval()
    figure = Figure(figsize=(5.2 * len(graphs), 9.5), layout="constrained")
    axes = figure.subplots(3, len(graphs), squeeze=False)
    for column, data in enumerate(graphs):
        level = network(data.x, data.edge_index).levels[0]
        cluster = level.assignment.argmax(-1)
        graph = to_networkx(data, to_undirected=True)
        place = _positions(graph, data)
        pairs = _pairs(data)
        true, learned, pooled = axes[:, column]
        true.set_title(f"test graph {column + 1}: {pairs}\n\ntrue communities", fontsize=12)
        _draw(true, graph, place, [PALETTE[hue] for hue in data.color.tolist()])
        _name_communities(true, data, place)
        found = cluster.tolist()
        right = np.mean([hues[c] == hue for c, hue in zip(found, data.color.tolist(), strict=True)])
        learned.set_title(f"learned clusters ({right:.0%} of nodes in the right one)", fontsize=12)
        _draw(learned, graph, place, [PALETTE[hues[c]] for c in found])
        pooled.set_title("pooled graph: SᵀAS, clusters of a colour together", fontsize=12)
        _draw_pooled(pooled, level, cluster, place, hues)
    figure.suptitle(
        "Which ends (A–D) share a chain? No node sees both; one message between clusters tells.",
        fontsize=15,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.hashsalt": "0"}):
        figure.savefig(path, dpi=110)


@torch.no_grad()
def cluster_hues(network: DiffPoolNet, graphs: list[Data]) -> dict[int, int]:
    """Return the colour of the communities that each cluster mostly holds over some graphs."""
    network.eval()
    counts: Any = 0
    for data in graphs:
        assignment = network(data.x, data.edge_index).levels[0].assignment
        own = torch.nn.functional.one_hot(data.color, data.num_features).to(assignment.dtype)
        counts = counts + assignment.t() @ own
    return dict(enumerate(counts.argmax(1).tolist()))


def community_name(hue: int) -> str:
    """Return a letter for a colour: capital for an end, small for a bridge."""
    return "ABCD"[hue] if hue < NUM_ENDS else chr(ord("p") + hue - NUM_ENDS)


def _pairs(data: Data) -> str:
    hues = [int(data.color[data.community == place][0]) for place in range(COMMUNITIES)]
    names = [community_name(hue) for hue in hues]
    return f"{names[0]}–{names[2]} and {names[3]}–{names[5]}"


def _positions(graph: nx.Graph, data: Data) -> dict[int, np.ndarray]:
    """Lay each chain out from left to right, the second below the first."""
    place = {}
    for chain in (0, 1):
        nodes = (data.community // CHAIN == chain).nonzero().flatten().tolist()
        layout = nx.kamada_kawai_layout(graph.subgraph(nodes))
        points = np.stack([layout[node] for node in nodes])
        points -= points.mean(0)
        axes = np.linalg.svd(points, full_matrices=False)[2]
        points = points @ axes.T
        points *= np.sign(points[-1, 0] - points[0, 0])
        points[:, 1] -= 1.1 * chain
        place.update(zip(nodes, points, strict=True))
    return place


def _draw(axes: Axes, graph: nx.Graph, place: dict[int, np.ndarray], colors: list[str]) -> None:
    nx.draw_networkx_edges(graph, place, ax=axes, edge_color="#CCCCCC", width=0.7)
    nx.draw_networkx_nodes(
        graph, place, ax=axes, node_color=colors, node_size=70, edgecolors="#444444", linewidths=0.5
    )
    _frame(axes)


def _frame(axes: Axes) -> None:
    axes.set_xlim(-1.2, 1.2)
    axes.set_ylim(-1.75, 0.65)
    axes.set_axis_off()


def _name_communities(axes: Axes, data: Data, place: dict[int, np.ndarray]) -> None:
    for community in range(COMMUNITIES):
        nodes = (data.community == community).nonzero().flatten().tolist()
        points = np.stack([place[node] for node in nodes])
        name = community_name(int(data.color[nodes[0]]))
        axes.text(
            points[:, 0].mean(), points[:, 1].max() + 0.1, name, fontsize=14, weight="bold",
            ha="center",
        )  # fmt: skip


def _draw_pooled(
    axes: Axes,
    level: Any,
    cluster: torch.Tensor,
    place: dict[int, np.ndarray],
    hues: dict[int, int],
) -> None:
    """Draw the clusters of each colour as one node, lines as wide as their pooled weight."""
    hue = torch.tensor([hues[c] for c in range(len(hues))])
    together = torch.nn.functional.one_hot(hue).to(level.adj.dtype)
    weight = together.t() @ level.adj[0] @ together
    mass = level.assignment.sum(0) @ together
    found = hue[cluster].unique().tolist()
    points = {
        h: np.mean([place[node] for node in (hue[cluster] == h).nonzero().flatten().tolist()], 0)
        for h in found
    }
    joined = {(a, b): float(weight[a, b]) for a, b in combinations(found, 2)}
    strongest = max(joined.values(), default=1.0)
    for (a, b), value in joined.items():
        (x0, y0), (x1, y1) = points[a], points[b]
        axes.plot([x0, x1], [y0, y1], color="#777777", lw=7 * value / strongest, zorder=1)
    for h, (x, y) in points.items():
        size = 60.0 * float(mass[h])
        axes.scatter(x, y, s=size, color=PALETTE[h], edgecolors="#444444", zorder=2)
        axes.text(
            x, y, community_name(h), ha="center", va="center", fontsize=13, zorder=3,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.8},
        )  # fmt: skip
    _frame(axes)
