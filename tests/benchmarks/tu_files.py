"""A small TU data set in the published text format, and a model that learns it in seconds."""

import zipfile
from pathlib import Path

from benchmarks.data.registry import find_source

MODEL = """
from torch import nn
from torch_geometric.nn import global_mean_pool


class MeanNet(nn.Module):
    def __init__(self, in_channels, hidden_channels, out_channels, num_layers=1):
        super().__init__()
        self.hidden = nn.Linear(in_channels, hidden_channels)
        self.out = nn.Linear(hidden_channels, out_channels)

    def forward(self, x, edge_index, batch):
        return self.out(global_mean_pool(self.hidden(x).relu(), batch))


class FailingNet(MeanNet):
    def forward(self, x, edge_index, batch):
        raise RuntimeError("this model fails")
"""


def write_tu_zip(folder: Path, name: str = "TINY", graphs_per_class: int = 20) -> None:
    """Write ``NAME.zip``: paths of 3 to 6 nodes whose labels are mostly the graph's class."""
    indicator, labels, edges, targets = [], [], [], []
    for graph in range(2 * graphs_per_class):
        target, size, first = graph % 2, 3 + graph % 4, len(indicator) + 1
        targets.append(target)
        indicator += [graph + 1] * size
        labels += [1 - target if node == 0 else target for node in range(size)]
        for node in range(first, first + size - 1):
            edges += [f"{node}, {node + 1}", f"{node + 1}, {node}"]
    files = {"A": edges, "graph_indicator": indicator, "graph_labels": targets}
    files["node_labels"] = labels
    with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
        for kind, lines in files.items():
            archive.writestr(f"{name}/{name}_{kind}.txt", "\n".join(map(str, lines)) + "\n")


def write_model(folder: Path) -> str:
    """Write the module ``tiny_model`` and return its name as a method."""
    (folder / "tiny_model.py").write_text(MODEL, encoding="utf-8")
    return "tiny_model:MeanNet"


def change_tiny_zip(folder: Path, **files: str | None) -> None:
    """Write TINY.zip with other files, for a fresh process; those that are None are left out."""
    write_tu_zip(folder)
    with zipfile.ZipFile(folder / "TINY.zip") as archive:
        content: dict[str, str | None] = {
            name: archive.read(name).decode() for name in archive.namelist()
        }
    content |= {f"TINY/TINY_{kind}.txt": lines for kind, lines in files.items()}
    with zipfile.ZipFile(folder / "TINY.zip", "w") as archive:
        for name, lines in content.items():
            if lines is not None:
                archive.writestr(name, lines)
    find_source.cache_clear()
