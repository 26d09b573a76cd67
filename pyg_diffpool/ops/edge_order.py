"""Orders of edges: recognised in one pass where they are right, sorted where they are not.

Also the operator ``pyg_diffpool::order_edges``, for traced code, which cannot look at values.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.index import index2ptr

from pyg_diffpool.ops.operator import register
from pyg_diffpool.ops.transforms import is_batched, transformed
from pyg_diffpool.ops.validation import check_edges

# Above it torch has a radix sort; below, NumPy's for 16-bit numbers is faster than torch's other.
RADIX_SORTED_BY_TORCH = 2**15
SIXTEEN_BITS = 2**16


def is_increasing(major: Tensor, minor: Tensor, num_nodes: int) -> bool:
    """Whether the pairs are strictly increasing: sorted, and without duplicates."""
    key = major * num_nodes + minor
    return bool((key[1:] > key[:-1]).all())


def pair_order(major: Tensor, minor: Tensor, num_nodes: int) -> Tensor:
    """Return the order that sorts the pairs; equal pairs keep theirs."""
    if _small(major, num_nodes):
        order = stable_order(minor, num_nodes)
        return order.index_select(0, stable_order(major.index_select(0, order), num_nodes))
    return _sorting_order(major * num_nodes + minor, num_nodes**2)


def stable_order(nodes: Tensor, num_nodes: int) -> Tensor:
    """Return the order that sorts node numbers; equal numbers keep theirs."""
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
    """Whether edges sorted by source equal the swapped edges sorted by target."""
    if weight is not None and is_batched(weight):
        return False
    if not (torch.equal(source, mirrored_source) and torch.equal(target, mirrored_target)):
        return False
    return weight is None or mirrored_weight is None or bool(torch.equal(weight, mirrored_weight))


def _sorting_order(keys: Tensor, bound: int) -> Tensor:
    if bound <= torch.iinfo(torch.int32).max:
        # Half as wide, nearly twice as fast.
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
