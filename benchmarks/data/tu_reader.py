"""Raw TU files: the same data as PyG's own parser gives, many times faster and checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import coalesce, cumsum, one_hot, remove_self_loops

from benchmarks.data.tu_text import line_of_row, read_floats, read_integers
from benchmarks.spec.errors import UsageError

LARGEST_ONE_HOT = 2**31
"""Largest number of bytes of the one-hot labels of a data set's nodes, or of its edges."""

_FLOAT_BYTES = 4


def read_tu_data(folder: Path, name: str) -> tuple[Data, dict[str, Tensor], dict[str, int]]:
    """Reads raw TU files as ``torch_geometric.io.read_tu_data`` does.

    Unlike PyG, trailing graphs without edges keep their place, and what cannot be read raises an
    error that names the file and the line. Node labels whose one-hot form would need more than
    ``LARGEST_ONE_HOT`` bytes stay out of ``x``: they are kept as numbers from 0, in
    ``node_label [N, columns]``, and ``num_node_labels`` counts the columns that they stand for.

    Args:
        folder: Folder of the raw files.
        name: Name of the data set, the prefix of its files.

    Raises:
        UsageError: If the files cannot be read or contradict each other.
    """

    def read(kind: str, reader: Callable[[Path], Tensor], rows: int) -> Tensor | None:
        return _read_rows(folder / f"{name}_{kind}.txt", reader, rows)

    graph_of_node = _read_graph_numbers(folder / f"{name}_graph_indicator.txt")
    edge_index = _read_edges(folder / f"{name}_A.txt", graph_of_node)
    num_nodes, num_edges = graph_of_node.numel(), edge_index.size(1)
    y = _read_targets(folder, name, graph_of_node)

    node_attributes = read("node_attributes", read_floats, num_nodes)
    node_labels = _encode(read("node_labels", read_integers, num_nodes))
    edge_attributes = read("edge_attributes", read_floats, num_edges)
    edge_labels = _encode(read("edge_labels", read_integers, num_edges))
    if edge_labels.numbers is not None:
        raise UsageError(
            f"{name}_edge_labels.txt: one-hot labels would need "
            f"{one_hot_gigabytes(num_edges, edge_labels.width):.1f} GB ({edge_labels.width} "
            f"labels, {num_edges} edges); leave the file out of the zip to do without them"
        )
    sizes = {
        "num_node_attributes": 0 if node_attributes is None else node_attributes.size(1),
        "num_node_labels": node_labels.width,
        "num_edge_attributes": 0 if edge_attributes is None else edge_attributes.size(1),
        "num_edge_labels": edge_labels.width,
    }
    x = _join(node_attributes, node_labels.one_hot)
    edge_index, edge_attr = remove_self_loops(edge_index, _join(edge_attributes, edge_labels[0]))
    edge_index, edge_attr = coalesce(edge_index, edge_attr, num_nodes)
    data = Data(x=x, edge_index=edge_index, edge_attr=edge_attr, y=y)
    if node_labels.numbers is not None:
        data.node_label = node_labels.numbers
    return data, _split(data, graph_of_node), sizes


def one_hot_gigabytes(rows: int, width: int) -> float:
    """Return the size of a one-hot matrix in GB."""
    return rows * width * _FLOAT_BYTES / 1e9


def _read_rows(path: Path, reader: Callable[[Path], Tensor], rows: int) -> Tensor | None:
    if not path.is_file():
        return None
    values = reader(path)
    if values.size(0) != rows:
        raise UsageError(f"{path.name}: expected {rows} rows, got {values.size(0)}")
    return values if rows > 0 else None


def _read_graph_numbers(path: Path) -> Tensor:
    """Return the graph of each node, from 0."""
    values = read_integers(path)
    _check_columns(path, values, 1, "the number of a node's graph")
    if len(values) == 0:
        raise UsageError(f"{path.name}: expected a row for each node, got none")
    numbers = values.view(-1)
    falls = (numbers[1:] < numbers[:-1]).nonzero()
    if int(numbers[0]) < 1 or len(falls) > 0:
        row = 0 if int(numbers[0]) < 1 else int(falls[0]) + 1
        before = f" after {int(numbers[row - 1])}" if row > 0 else ""
        raise UsageError(
            f"{path.name}, line {line_of_row(path, row)}: expected ascending graph numbers from 1, "
            f"got {int(numbers[row])}{before}"
        )
    return numbers - 1


def _read_edges(path: Path, graph_of_node: Tensor) -> Tensor:
    """Return the edges ``[2, E]`` between nodes counted from 0; there may be none."""
    values = read_integers(path)
    _check_columns(path, values, 2, "two node numbers")
    if len(values) == 0:
        return values.new_empty(2, 0)
    num_nodes = graph_of_node.numel()
    outside = ((values < 1) | (values > num_nodes)).any(dim=1)
    if bool(outside.any()):
        row = int(outside.nonzero()[0])
        raise UsageError(
            f"{path.name}, line {line_of_row(path, row)}: expected node numbers from 1 to "
            f"{num_nodes}, got {_pair(values[row])}"
        )
    edge_index = values.t() - 1
    source, target = graph_of_node[edge_index[0]], graph_of_node[edge_index[1]]
    if bool((source != target).any()):
        row = int((source != target).nonzero()[0])
        raise UsageError(
            f"{path.name}, line {line_of_row(path, row)}: expected no edge between two graphs, got "
            f"{_pair(values[row])} of the graphs {int(source[row]) + 1} and {int(target[row]) + 1}"
        )
    return edge_index


def _check_columns(path: Path, values: Tensor, columns: int, what: str) -> None:
    if len(values) > 0 and values.size(1) != columns:
        raise UsageError(
            f"{path.name}, line {line_of_row(path, 0)}: expected {what} ({columns} columns), got "
            f"{values.size(1)} columns"
        )


def _pair(row: Tensor) -> str:
    return " and ".join(map(str, row.tolist()))


def _read_targets(folder: Path, name: str, graph_of_node: Tensor) -> Tensor | None:
    """Return the targets of regression if there are any, as PyG does, else the classes."""
    num_nodes, num_graphs = graph_of_node.numel(), int(graph_of_node[-1]) + 1
    path = folder / f"{name}_graph_attributes.txt"
    y = None
    if path.is_file():
        y = read_floats(path)
    else:
        path = folder / f"{name}_graph_labels.txt"
        if path.is_file():
            y = read_integers(path)
    rows = num_nodes if y is None else y.size(0)
    if num_graphs > max(num_nodes, rows):
        raise UsageError(
            f"{name}_graph_indicator.txt: expected the numbers of graphs without gaps, got "
            f"{num_graphs} as the last of {num_nodes} nodes"
        )
    if y is None:
        return None
    if rows not in (num_graphs, num_nodes):
        raise UsageError(
            f"{path.name}: expected one target a graph ({num_graphs}) or a node ({num_nodes}), got "
            f"{rows}"
        )
    y = y.squeeze(-1) if y.size(1) == 1 else y
    return y if y.is_floating_point() else y.unique(return_inverse=True)[1]


class _Labels(NamedTuple):
    """Labels of nodes or edges: one-hot, or as numbers from 0 where that would be too large."""

    one_hot: Tensor | None
    numbers: Tensor | None
    width: int


def _encode(labels: Tensor | None) -> _Labels:
    if labels is None:
        return _Labels(None, None, 0)
    low, high = labels.min(dim=0).values, labels.max(dim=0).values
    # In Python's numbers, which do not overflow.
    spans = [top - bottom + 1 for bottom, top in zip(low.tolist(), high.tolist(), strict=True)]
    if _fits(len(labels), sum(spans)):
        labels = labels - low
    else:  # Only labels that occur get a column.
        columns = [column.unique(return_inverse=True) for column in labels.unbind(dim=-1)]
        labels = torch.stack([numbers for _, numbers in columns], dim=-1)
        spans = [len(occurring) for occurring, _ in columns]
    if not _fits(len(labels), sum(spans)):
        return _Labels(None, labels, sum(spans))
    joined = torch.cat([one_hot(column) for column in labels.unbind(dim=-1)], dim=-1)
    return _Labels(joined, None, joined.size(1))


def _fits(rows: int, width: int) -> bool:
    return rows * width * _FLOAT_BYTES <= LARGEST_ONE_HOT


def _join(*parts: Tensor | None) -> Tensor | None:
    present = [part for part in parts if part is not None and part.numel() > 0]
    return torch.cat(present, dim=-1) if present else None


def _split(data: Data, graph_of_node: Tensor) -> dict[str, Tensor]:
    """Makes edge indices local to their graph and returns PyG's slices."""
    nodes_of_graph = torch.bincount(graph_of_node)
    num_graphs = nodes_of_graph.numel()
    node_slice = cumsum(nodes_of_graph)
    assert data.edge_index is not None
    graph_of_edge = graph_of_node[data.edge_index[0]]
    edge_slice = cumsum(torch.bincount(graph_of_edge, minlength=num_graphs))
    data.edge_index -= node_slice[graph_of_edge]

    slices = {"edge_index": edge_slice}
    if data.x is not None:
        slices["x"] = node_slice
    else:  # As `InMemoryDataset.collate` leaves it.
        data._num_nodes = nodes_of_graph.tolist()
        data.num_nodes = graph_of_node.numel()
    if "node_label" in data:
        slices["node_label"] = node_slice
    if data.edge_attr is not None:
        slices["edge_attr"] = edge_slice
    if isinstance(data.y, Tensor):
        per_node = data.y.size(0) == graph_of_node.numel()
        slices["y"] = node_slice if per_node else torch.arange(num_graphs + 1)
    return slices
