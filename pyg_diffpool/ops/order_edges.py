"""The operator ``pyg_diffpool::order_edges``: sorted edges for traced code, which cannot look."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.index import index2ptr

from pyg_diffpool.ops.edge_order import is_increasing, mirrors, pair_order, stable_order
from pyg_diffpool.ops.library import operator
from pyg_diffpool.ops.validation import check_edges


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


order_edges = operator(
    "order_edges",
    "(Tensor source, Tensor target, Tensor? weight, SymInt num_nodes, bool declared, "
    "bool validate) -> (Tensor rowptr, Tensor order, Tensor transposed, Tensor symmetric)",
    _kernel,
    _fake,
)
