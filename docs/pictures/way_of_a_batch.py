"""Draws the path of a batch from loader to logits: ``python docs/pictures/way_of_a_batch.py``."""

from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

OUT = Path(__file__).with_suffix(".png")
WIDTH, HEIGHT = 3.4, 1.05
BLUE, GREEN, ORANGE, GREY = "#dbe9f6", "#dff0d8", "#fde7cf", "#eeeeee"


class Box(NamedTuple):
    """A step: its position, what it does, and the file that implements it."""

    x: float
    y: float
    title: str
    file: str
    color: str


BOXES = {
    "loader": Box(0, 4.7, "batch of graphs\nx, adjacency, batch", "loader.py", GREY),
    "net": Box(4.1, 4.7, "DiffPoolNet", "models/diff_pool_net.py", BLUE),
    "level": Box(8.2, 4.7, "read_level\nchecked once: a SparseLevel", "ops/level/", GREEN),
    "layer": Box(4.1, 2.65, "DiffPool, for each pooling", "nn/diff_pool.py", BLUE),
    "embed": Box(8.2, 3.3, "embed: GNNBlock\nrows Z", "nn/gnn_block.py", BLUE),
    "assign": Box(8.2, 2.05, "assign: GNNBlock, linear map\nlogits L", "nn/assignment.py", BLUE),
    "pool": Box(12.3, 2.65, "pool\nS = softmax(L)", "ops/diff_pool.py", GREEN),
    "contract": Box(
        16.4, 3.3, "level.contract\nSᵀZ, SᵀAS, SᵀS", "ops/contract/, ops/backends/", ORANGE
    ),
    "objectives": Box(
        16.4, 2.05, "objectives, by convention", "ops/objectives/, conventions/", GREEN
    ),
    "pooled": Box(12.3, -0.2, "PooledGraph\nthe next, dense level", "nn/pooled_graph.py", BLUE),
    "last": Box(4.1, -0.2, "last block, and a readout\nof every level", "nn/readout.py", BLUE),
    "head": Box(0, -0.2, "classifier: logits", "models/graph_head.py", BLUE),
}
ARROWS = (
    ("loader", "net", ""),
    ("net", "level", ""),
    ("net", "layer", ""),
    ("layer", "embed", ""),
    ("layer", "assign", ""),
    ("embed", "pool", ""),
    ("assign", "pool", ""),
    ("pool", "contract", ""),
    ("pool", "objectives", ""),
    ("pool", "pooled", ""),
    ("pooled", "layer", "next pooling"),
    ("pooled", "last", "after the last"),
    ("last", "head", ""),
)


def draw(axes: Axes) -> None:
    """Draw all boxes and the arrows between them."""
    for box in BOXES.values():
        corner = (box.x, box.y)
        axes.add_patch(
            FancyBboxPatch(
                corner, WIDTH, HEIGHT, boxstyle="round,pad=0.02,rounding_size=0.12",
                facecolor=box.color, edgecolor="#555555", linewidth=0.9,
            )
        )  # fmt: skip
        centre = box.x + WIDTH / 2
        axes.text(centre, box.y + 0.64, box.title, ha="center", va="center", fontsize=8.3)
        axes.text(
            centre, box.y + 0.17, box.file, ha="center", va="center", fontsize=6.8,
            family="monospace", color="#444444",
        )  # fmt: skip
    for start, end, label in ARROWS:
        first, second = BOXES[start], BOXES[end]
        tail, head = ends(first, second)
        axes.add_patch(
            FancyArrowPatch(tail, head, arrowstyle="-|>", mutation_scale=11, color="#333333")
        )
        if label:
            middle = ((tail[0] + head[0]) / 2, (tail[1] + head[1]) / 2 + 0.13)
            axes.text(*middle, label, ha="center", va="bottom", fontsize=7.5, style="italic")


def ends(first: Box, second: Box) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the end points of the arrow between two boxes."""
    middle = HEIGHT / 2
    if second.x > first.x:
        return (first.x + WIDTH, first.y + middle), (second.x, second.y + middle)
    if second.x < first.x and second.y > first.y:
        return (first.x, first.y + HEIGHT * 0.8), (second.x + WIDTH / 2, second.y)
    if second.x < first.x:
        return (first.x, first.y + middle), (second.x + WIDTH, second.y + middle)
    return (first.x + WIDTH / 2, first.y), (second.x + WIDTH / 2, second.y + HEIGHT)


def main() -> None:
    """Write the picture next to this file."""
    figure, axes = plt.subplots(figsize=(13.5, 4.6))
    draw(axes)
    axes.set_xlim(-0.2, 20)
    axes.set_ylim(-0.4, 6)
    axes.axis("off")
    figure.savefig(OUT, dpi=110, bbox_inches="tight", metadata={"Software": None})
    print(OUT)


if __name__ == "__main__":
    main()
