"""Sorting of edges, which detects sorted edges in one pass and skips the sort.

Also the operator ``pyg_diffpool::order_edges`` for traced code, which cannot access values.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.index import index2ptr

from pyg_diffpool.ops.operator import register
from pyg_diffpool.ops.transforms import is_batched, transformed
from pyg_diffpool.ops.validation import check_edges

# From this size on, torch uses a radix sort; below, NumPy's radix sort of 16-bit integers is faster
# than torch's comparison sort.
RADIX_SORTED_BY_TORCH = 2**15
SIXTEEN_BITS = 2**16


def is_increasing(major: Tensor, minor: Tensor, num_nodes: int) -> bool:
    """Return whether the pairs are strictly increasing, that is, sorted without duplicates."""
    key = major * num_nodes + minor
    return bool((key[1:] > key[:-1]).all())


def pair_order(major: Tensor, minor: Tensor, num_nodes: int) -> Tensor:
    """Return the permutation that sorts the pairs (stable)."""
    if _small(major, num_nodes):
        order = stable_order(minor, num_nodes)
        return order.index_select(0, stable_order(major.index_select(0, order), num_nodes))
    return _sorting_order(major * num_nodes + minor, num_nodes**2)


def stable_order(nodes: Tensor, num_nodes: int) -> Tensor:
    """Return the permutation that sorts node indices (stable)."""
    if _small(nodes, num_nodes):
        narrow = nodes.numpy().astype("uint16")
        return torch.from_numpy(narrow.argsort(kind="stable"))
    return _sorting_order(nodes, num_nodes)


def mirrors(
    source: Tensor,
    target: Tensor,
    weight: Tensor | None,
    mirrored_source: Tensor,
    mirrored_target: Tensor,
    mirrored_weight: Tensor | None,
) -> bool:
    """Return whether the edges sorted by source equal the reversed edges sorted by target."""
    if weight is not None and is_batched(weight):
        return False
    if not (torch.equal(source, mirrored_source) and torch.equal(target, mirrored_target)):
        return False
    return weight is None or mirrored_weight is None or bool(torch.equal(weight, mirrored_weight))


def _sorting_order(keys: Tensor, bound: int) -> Tensor:
    if bound <= torch.iinfo(torch.int32).max:
        # Sorting int32 is nearly twice as fast as int64.
        keys = keys.int()
    return torch.sort(keys, stable=True)[1]


def _small(nodes: Tensor, num_nodes: int) -> bool:
    return (
        nodes.device.type == "cpu"
        and nodes.numel() < RADIX_SORTED_BY_TORCH
        and num_nodes <= SIXTEEN_BITS
        and not transformed()
    )


def _kernel(
    source: Tensor,
    target: Tensor,
    weight: Tensor | None,
    num_nodes: int,
    declared: bool,
    validate: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    check_edges(source, target, weight, num_nodes, validate)
    on_cpu = source.device.type == "cpu"
    if on_cpu and is_increasing(target, source, num_nodes):
        order = torch.arange(source.numel())
    else:
        order = pair_order(target, source, num_nodes)
        source, target = source.index_select(0, order), target.index_select(0, order)
    transposed = stable_order(source, num_nodes)
    symmetric = declared
    if on_cpu and not declared:
        by_source = None if weight is None else weight[order][transposed]
        by_target = None if weight is None else weight[order]
        symmetric = mirrors(
            source[transposed], target[transposed], by_source, target, source, by_target
        )
    return index2ptr(target, num_nodes), order, transposed, torch.tensor(symmetric)


def _fake(
    source: Tensor,
    target: Tensor,
    weight: Tensor | None,
    num_nodes: int,
    declared: bool,
    validate: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    rowptr = source.new_empty(num_nodes + 1)
    symmetric = torch.empty((), dtype=torch.bool)
    return rowptr, torch.empty_like(source), torch.empty_like(source), symmetric


order_edges = register(
    "order_edges",
    "(Tensor source, Tensor target, Tensor? weight, SymInt num_nodes, bool declared, "
    "bool validate) -> (Tensor rowptr, Tensor order, Tensor transposed, Tensor symmetric)",
    _kernel,
    _fake,
)
