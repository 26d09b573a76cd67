"""One graph of a batch with its edge weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import to_edge_index

from pyg_diffpool.ops.validation import check_edges
from pyg_diffpool.visualize.poolings import Pooling, check_number, count_graphs


class InputGraph(NamedTuple):
    """A graph on the CPU.

    Attributes:
        node: Index of each node in the batch ``[n]``.
        edge_index: Edges as given, ``[2, E]``, with node indices starting at 0.
        edge_weight: Edge weights ``[E]``, float64.
    """

    node: Tensor
    edge_index: Tensor
    edge_weight: Tensor


def read_graph(data: Data, graph: int, poolings: Sequence[Pooling]) -> InputGraph:
    """Select one graph of a batch.

    Args:
        data: A graph, or a batch of graphs. Edge weights are :obj:`edge_weight` if present,
            otherwise a one-dimensional floating point :obj:`edge_attr`, otherwise one.
        graph: Index of the graph.
        poolings: Poolings of the whole batch.

    Raises:
        TypeError: If :obj:`data` has an unexpected type.
        ValueError: If :obj:`data` has no edges, there is no such graph, the graph has no nodes,
            or the poolings belong to other graphs.

    Example:
        >>> from pyg_diffpool.visualize.poolings import read_poolings
        >>> data = Data(edge_index=torch.tensor([[0, 2], [1, 3]]), batch=torch.tensor([0, 0, 1, 1]))
        >>> read_graph(data, 1, read_poolings(torch.eye(4))).edge_index.tolist()
        [[0], [1]]
    """
    if not isinstance(data, Data):
        raise TypeError(f"data: expected a Data or a Batch, got {type(data).__name__}")
    rows = poolings[0].s.size(0) if poolings[0].s.dim() == 2 else None
    # Otherwise PyG infers it from edge_index and misses trailing isolated nodes.
    told = any(data.get(key) is not None for key in ("num_nodes", "x", "pos", "batch"))
    size = int(data.num_nodes or 0) if told or rows is None else rows
    if rows is not None and rows != size:
        raise ValueError(
            f"out: assignment 0: expected one row for each of the {size} nodes of data, got {rows}"
        )
    num_graphs, pooled = getattr(data, "num_graphs", None), count_graphs(poolings)
    if None not in (num_graphs, pooled) and num_graphs != pooled:
        raise ValueError(f"out: expected {num_graphs} graphs, as many as data, got {pooled}")
    node = nodes_of(data.get("batch"), size, graph, num_graphs or pooled)
    edge_index, edge_weight = _edges(data)
    check_edges(edge_index[0], edge_index[1], edge_weight, size, values=True)
    place = torch.full((size,), -1)
    place[node] = torch.arange(node.numel())
    source, target = place[edge_index[0]], place[edge_index[1]]
    if bool(((source < 0) != (target < 0)).any()):
        raise ValueError(f"edge_index: expected no edge between graph {graph} and another one")
    own = source >= 0
    return InputGraph(node, torch.stack([source[own], target[own]]), edge_weight[own])


def nodes_of(
    batch: Tensor | None, num_nodes: int, graph: int, num_graphs: int | None = None
) -> Tensor:
    """Return the indices of a graph's nodes in the batch.

    Args:
        batch: Graph of each node, or None for a single graph.
        num_nodes: Number of nodes of the batch.
        graph: Index of the graph.
        num_graphs: Number of graphs. (default: the last entry of :obj:`batch` plus one)

    Raises:
        TypeError: If :obj:`graph` is not an integer, or :obj:`batch` is not a tensor.
        ValueError: If there is no such graph, it has no nodes, or :obj:`batch` is missing.

    Example:
        >>> nodes_of(torch.tensor([0, 1, 1]), 3, 1)
        tensor([1, 2])
    """
    if batch is None:
        if num_graphs not in (None, 1):
            raise ValueError(f"batch: expected the graph of each node, out holds {num_graphs}")
        batch, num_graphs = torch.zeros(num_nodes, dtype=torch.long), 1
    if not isinstance(batch, Tensor):
        raise TypeError(f"batch: expected a tensor, got {type(batch).__name__}")
    if batch.numel() != num_nodes:
        raise ValueError(f"batch: expected {num_nodes} numbers, got {batch.numel()}")
    batch = batch.detach().cpu()
    if num_graphs is None:
        num_graphs = int(batch.max()) + 1 if num_nodes else 0
    check_number("graph", graph, 0, num_graphs - 1)
    node = (batch == graph).nonzero().flatten()
    if node.numel() == 0:
        raise ValueError(f"graph: graph {graph} has no nodes")
    return node


def _edges(data: Data) -> tuple[Tensor, Tensor]:
    """Return edge_index and edge_weight of all graphs as plain tensors on the CPU."""
    if data.get("edge_index") is not None:
        edge_index = data.edge_index.as_subclass(torch.Tensor).detach().cpu()
        weight = data.get("edge_weight")
        features = data.get("edge_attr")
        if weight is None and features is not None and features.dim() == 1:
            weight = features if features.is_floating_point() else None
    elif data.get("adj_t") is not None:
        transposed, weight = to_edge_index(data.adj_t)
        edge_index = transposed.flip(0).detach().cpu()
    else:
        raise ValueError("data: expected edge_index or adj_t, got neither")
    if weight is None:
        return edge_index, torch.ones(edge_index.size(1), dtype=torch.double)
    weight = weight.detach().cpu().double().flatten()
    if weight.numel() != edge_index.size(1):
        raise ValueError(
            f"edge_weight: expected {edge_index.size(1)} weights, got {weight.numel()}"
        )
    return edge_index, weight
