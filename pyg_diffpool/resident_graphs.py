"""Concatenated and validated graphs with sorted edges, from which a loader takes its batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.data import Data, InMemoryDataset


class ResidentGraphs(NamedTuple):
    """Concatenated graphs; ``num_nodes`` and ``num_edges`` have one entry per graph."""

    num_nodes: Tensor
    num_edges: Tensor
    edge_index: Tensor  # Node indices within each graph.
    x: Tensor | None
    edge_weight: Tensor | None
    edge_attr: Tensor | None
    y: Tensor | None
    y_of_nodes: bool

    def to(self, device: torch.device | str) -> ResidentGraphs:
        """Returns the same graphs on another device."""

        def moved(value: Tensor | None) -> Tensor | None:
            return None if value is None else value.to(device)

        return ResidentGraphs(
            self.num_nodes.to(device),
            self.num_edges.to(device),
            self.edge_index.to(device),
            moved(self.x),
            moved(self.edge_weight),
            moved(self.edge_attr),
            moved(self.y),
            self.y_of_nodes,
        )


def concatenate(dataset: InMemoryDataset | Sequence[Data]) -> ResidentGraphs:
    """Concatenates the graphs of a data set, without copies if it stores them concatenated.

    Args:
        dataset: The graphs.
    """
    if len(dataset) == 0:
        raise ValueError("dataset: expected at least one graph, got none")
    graphs = _stored(dataset) if isinstance(dataset, InMemoryDataset) else None
    if graphs is None:
        graphs = _listed([dataset[position] for position in range(len(dataset))])
    device = graphs.edge_index.device
    graphs = graphs._replace(
        num_nodes=graphs.num_nodes.to(device), num_edges=graphs.num_edges.to(device)
    )
    _check(graphs)
    return graphs


def sort_edges(graphs: ResidentGraphs) -> tuple[ResidentGraphs, bool]:
    """Sorts the edges of each graph by row, then column, and checks if all are undirected.

    Args:
        graphs: The graphs; edges that are already sorted are not copied.
    """
    row, col = graphs.edge_index
    first_node = starts(graphs.num_nodes).repeat_interleave(graphs.num_edges)
    width = int(graphs.num_nodes.max())
    # Keys increase with the graph's index, so that each graph's edges stay in its own range.
    key = (row + first_node) * width + col
    if bool((key[1:] < key[:-1]).any()):
        key, order = key.sort(stable=True)
        graphs = graphs._replace(
            edge_index=graphs.edge_index[:, order],
            edge_weight=None if graphs.edge_weight is None else graphs.edge_weight[order],
            edge_attr=None if graphs.edge_attr is None else graphs.edge_attr[order],
        )
        row, col = graphs.edge_index
    reverse_key, reverse = ((col + first_node) * width + row).sort()
    if not torch.equal(key, reverse_key):
        return graphs, False
    weights = [value for value in (graphs.edge_weight, graphs.edge_attr) if value is not None]
    return graphs, all(_equal_both_ways(key, reverse, value) for value in weights)


def starts(sizes: Tensor) -> Tensor:
    """Returns the position of the first row of each part, given the sizes of the parts."""
    return sizes.cumsum(0) - sizes


def _equal_both_ways(key: Tensor, reverse: Tensor, value: Tensor) -> bool:
    """Check whether values, summed over duplicate edges, equal those of the reverse edges."""
    edge = torch.zeros_like(key)
    torch.cumsum(key[1:] != key[:-1], 0, out=edge[1:])
    value = value.double()
    zeros = torch.zeros_like(value)
    there = zeros.index_add(0, edge, value)
    return torch.equal(there, zeros.index_add(0, edge, value[reverse]))


def _stored(dataset: InMemoryDataset) -> ResidentGraphs | None:
    """Return the graphs as the data set stores them, or None if they have to be created first."""
    data, slices = dataset._data, dataset.slices
    if not isinstance(data, Data) or slices is None or data.edge_index is None:
        return None
    if dataset.transform is not None or dataset._indices is not None:
        return None
    if data.x is None and getattr(data, "_num_nodes", None) is None:
        return None
    num_nodes = torch.as_tensor(data._num_nodes) if data.x is None else slices["x"].diff()
    y = data.y if isinstance(data.y, Tensor) else None
    return ResidentGraphs(
        num_nodes,
        slices["edge_index"].diff(),
        _plain(data.edge_index),
        data.x,
        data.get("edge_weight"),
        data.edge_attr,
        y,
        y is not None and _of_nodes(slices["y"].diff(), num_nodes),
    )


def _listed(data_list: list[Data]) -> ResidentGraphs:
    edge_indices = _column(data_list, "edge_index")
    if edge_indices is None:
        raise ValueError("dataset: expected graphs with edge_index, got none")
    x, y = _column(data_list, "x"), _column(data_list, "y")
    num_nodes = torch.tensor(
        [data.num_nodes for data in data_list] if x is None else [part.size(0) for part in x]
    )
    return ResidentGraphs(
        num_nodes,
        torch.tensor([part.size(1) for part in edge_indices]),
        torch.cat([_plain(part) for part in edge_indices], dim=1),
        _joined(x),
        _joined(_column(data_list, "edge_weight")),
        _joined(_column(data_list, "edge_attr")),
        _joined(y),
        y is not None and _of_nodes(torch.tensor([part.size(0) for part in y]), num_nodes),
    )


def _of_nodes(targets: Tensor, num_nodes: Tensor) -> bool:
    """Return whether targets belong to nodes, given the number of targets per graph."""
    if bool((targets == 1).all()):
        return False
    if torch.equal(targets, num_nodes):
        return True
    graph = int(((targets != 1) & (targets != num_nodes)).nonzero()[:1].sum())
    raise ValueError(
        f"dataset: expected y with one row per graph or one row per node, graph {graph} of "
        f"{int(num_nodes[graph])} nodes has {int(targets[graph])} rows"
    )


def _column(data_list: list[Data], key: str) -> list[Tensor] | None:
    values = [data.get(key) for data in data_list]
    missing = [position for position, value in enumerate(values) if value is None]
    if len(missing) == len(values):
        return None
    if missing:
        raise ValueError(
            f"dataset: expected {key} in all graphs or in none, graph {missing[0]} has none"
        )
    tensors = [torch.as_tensor(value) for value in values]
    return [tensor.reshape(1) if tensor.dim() == 0 else tensor for tensor in tensors]


def _joined(parts: list[Tensor] | None) -> Tensor | None:
    return None if parts is None else torch.cat(parts)


def _plain(edge_index: Tensor) -> Tensor:
    plain: Tensor = edge_index.as_tensor() if isinstance(edge_index, EdgeIndex) else edge_index
    if plain.is_floating_point() or plain.dim() != 2 or plain.size(0) != 2:
        raise ValueError(
            "dataset: expected edge_index of integers and shape [2, E], "
            f"got {plain.dtype} and {list(plain.shape)}"
        )
    return plain.long()


def _check(graphs: ResidentGraphs) -> None:
    total_nodes, total_edges = int(graphs.num_nodes.sum()), int(graphs.num_edges.sum())
    rows = {"x": total_nodes, "edge_weight": total_edges, "edge_attr": total_edges}
    for name, expected in rows.items():
        value = getattr(graphs, name)
        if value is not None and value.size(0) != expected:
            raise ValueError(f"dataset: expected {expected} rows of {name}, got {value.size(0)}")
    limit = graphs.num_nodes.repeat_interleave(graphs.num_edges)
    outside = ((graphs.edge_index < 0) | (graphs.edge_index >= limit)).any(dim=0)
    if bool(outside.any()):
        edge = int(outside.nonzero()[0])
        raise ValueError(
            f"dataset: expected edges between nodes 0 to {int(limit[edge]) - 1} of their graph, "
            f"got {graphs.edge_index[:, edge].tolist()}"
        )
