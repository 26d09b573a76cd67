"""Explainers and message hooks, and the edges that they observe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary
from torch_geometric import EdgeIndex
from torch_geometric.nn import MessagePassing
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops import Adjacency
from pyg_diffpool.ops.edge_formats import read_edges
from pyg_diffpool.ops.operator import traced
from pyg_diffpool.ops.validation import check_edges, values_seen

AnyAdjacency: TypeAlias = Tensor | EdgeIndex | SparseTensor | Adjacency

# The edges of pooled levels, to which an edge mask of the input graph does not apply.
_POOLED: WeakIdKeyDictionary = WeakIdKeyDictionary()


def is_observed(conv: MessagePassing) -> bool:
    """Return whether explainers or hooks need a layer's messages, which spmm does not compute."""
    return bool(
        conv._explain
        or conv._decomposed_layers > 1
        or conv._propagate_forward_pre_hooks
        or conv._propagate_forward_hooks
        or conv._message_forward_pre_hooks
        or conv._message_forward_hooks
        or conv._aggregate_forward_pre_hooks
        or conv._aggregate_forward_hooks
    )


def has_observed(module: torch.nn.Module) -> bool:
    """Return whether explainers or hooks need the messages of a layer inside a module."""
    # A custom loop, since Module.modules() takes several times as long.
    waiting: list[torch.nn.Module | None] = [module]
    while waiting:
        layer = waiting.pop()
        if layer is None:
            continue
        if isinstance(layer, MessagePassing):
            asked = getattr(type(layer), "_observed", is_observed)
            if asked(layer):
                return True
        waiting.extend(layer._modules.values())
    return False


def given_edges(
    edge_index: AnyAdjacency,
    edge_weight: Tensor | None,
    num_nodes: int,
    num_sources: int | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Return edges [2, E] and weights in the caller's order, with separate duplicates.

    A prepared adjacency and a sparse matrix are read in their storage order.

    Args:
        edge_index: The edges.
        edge_weight: Their weights.
        num_nodes: Number of nodes; of targets, if sources are other nodes.
        num_sources: Number of sources, if they are other nodes than the targets.
    """
    if isinstance(edge_index, Adjacency):
        edges = torch.stack([edge_index.col, edge_index.target])
        if is_pooled(edge_index):
            mark_pooled(edges)
        return edges, edge_index.weight
    source, target, weight = read_edges(edge_index, edge_weight, num_nodes, num_sources)
    check_edges(source, target, weight, num_nodes, values_seen(source, None), num_sources)
    edges = torch.stack([source, target])
    if is_pooled(edge_index):
        mark_pooled(edges)
    return edges, weight


def mark_pooled(edge_index: Tensor | Adjacency) -> None:
    """Mark edges as those of a pooled level."""
    if not traced():
        _POOLED[_marked(edge_index)] = True


def is_pooled(edge_index: object) -> bool:
    """Return whether edges are marked as those of a pooled level."""
    if traced() or not isinstance(edge_index, (Tensor, Adjacency)):
        return False
    return _marked(edge_index) in _POOLED


def _marked(edge_index: Tensor | Adjacency) -> Tensor:
    """Return the tensor whose identity tells whether edges are marked."""
    return edge_index.col if isinstance(edge_index, Adjacency) else edge_index


@contextmanager
def unexplained(module: torch.nn.Module) -> Iterator[None]:
    """Run a module on a pooled level without the edge mask, which belongs to the input graph."""
    explained = [
        layer for layer in module.modules() if isinstance(layer, MessagePassing) and layer.explain
    ]
    for layer in explained:
        layer.explain = None
    try:
        yield
    finally:
        for layer in explained:
            layer.explain = True


def edge_mask(conv: MessagePassing, edge_index: Tensor, num_nodes: int) -> Tensor | None:
    """Return the explainer's factor of each edge if it has set an edge mask.

    Raises:
        ValueError: If the mask belongs to other edges.
    """
    mask: Tensor | None = conv._edge_mask
    if mask is None or is_pooled(edge_index):
        return None
    if conv._apply_sigmoid:
        mask = mask.sigmoid()
    source, target = edge_index
    loops: Tensor | None = conv._loop_mask
    fits = mask.size(0) == source.numel()
    if fits and (loops is None or torch.equal(loops, source != target)):
        return mask
    if loops is not None and int(loops.sum()) + num_nodes == source.numel() and not fits:
        # As in PyG: self-loops were appended at every node, and are not masked.
        return torch.cat([mask[loops], mask.new_ones(num_nodes)])
    raise ValueError(
        f"edge_index: expected the {mask.size(0)} edges that the edge mask was made for, in the "
        f"same order, got {source.numel()} other edges. Set explain = False on layers that run on "
        f"another graph, such as a pooled one, to exclude them from the explanation: "
        f"{conv.__class__.__name__} is not excluded"
    )
