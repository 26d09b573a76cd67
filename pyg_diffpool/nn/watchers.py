"""What watches messages (explainers, hooks), and the edges that it sees."""

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
from pyg_diffpool.ops.validation import check_edges, values_checked

AnyAdjacency: TypeAlias = Tensor | EdgeIndex | SparseTensor | Adjacency

# The edges of pooled levels, which an edge mask of the input graph says nothing about.
_POOLED: WeakIdKeyDictionary = WeakIdKeyDictionary()


def is_observed(conv: MessagePassing) -> bool:
    """Whether a layer's messages are watched, which a sparse product never forms."""
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
    """Whether messages are watched somewhere inside a module."""
    # A loop of its own, since Module.modules() would take several times as long.
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
    edge_index: AnyAdjacency, edge_weight: Tensor | None, num_nodes: int
) -> tuple[Tensor, Tensor | None]:
    """Return edges [2, E] and weights in the caller's order, duplicates apart.

    A prepared adjacency and a sparse matrix are read in the order in which they are stored.
    """
    if isinstance(edge_index, Adjacency):
        return torch.stack([edge_index.col, edge_index.target]), edge_index.weight
    source, target, weight = read_edges(edge_index, edge_weight, num_nodes)
    check_edges(source, target, weight, num_nodes, values_checked(source, None))
    edges = torch.stack([source, target])
    if is_pooled(edge_index):
        mark_pooled(edges)
    return edges, weight


def mark_pooled(edge_index: Tensor) -> None:
    """Remember that edges are those of a pooled level."""
    if not traced():
        _POOLED[edge_index] = True


def is_pooled(edge_index: object) -> bool:
    """Whether edges are known to be those of a pooled level."""
    return not traced() and isinstance(edge_index, Tensor) and edge_index in _POOLED


@contextmanager
def unexplained(module: torch.nn.Module) -> Iterator[None]:
    """Let a module run on a pooled level, where an edge mask of the input graph has no place."""
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
    """Return what an explainer multiplies each edge by, if it has set a mask.

    Raises:
        ValueError: If the mask is that of other edges.
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
        # As PyG does: a loop was added at every node, after all other edges, and is not masked.
        return torch.cat([mask[loops], mask.new_ones(num_nodes)])
    raise ValueError(
        f"edge_index: expected the {mask.size(0)} edges that the edge mask was made for, in their "
        f"order, got {source.numel()} others. A layer that runs on another graph, such as a "
        f"pooled one, is left out of an explanation by explain = False: "
        f"{conv.__class__.__name__} is not"
    )
