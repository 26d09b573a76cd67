"""One adjacency matrix in every form that PyG users have it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch_geometric import EdgeIndex

from pyg_diffpool import prepare_adjacency
from tests.problems import Problem

FORMATS = (
    "shuffled",
    "transposed storage",
    "sliced storage",
    "EdgeIndex",
    "EdgeIndex by row",
    "EdgeIndex by column",
    "csr",
    "csc",
    "coo",
    "uncoalesced coo",
    "prepared",
)


def adjacency_format(
    problem: Problem, name: str, dtype: torch.dtype = torch.float64
) -> tuple[Any, Tensor | None]:
    """The pair ``(edge_index, edge_weight)`` to call an operator with."""
    edge_index, n = problem.edge_index, problem.num_nodes
    weight = None if problem.edge_weight is None else problem.edge_weight.to(dtype)
    if name == "shuffled":
        return edge_index, weight
    if name == "transposed storage":
        return edge_index.t().contiguous().t(), weight
    if name == "sliced storage":
        spaced = edge_index.repeat_interleave(2, dim=1)[:, ::2]
        return spaced, None if weight is None else weight.repeat_interleave(2)[::2]
    if name == "EdgeIndex":
        return EdgeIndex(edge_index, sparse_size=(n, n)), weight
    if name in ("EdgeIndex by row", "EdgeIndex by column"):
        order_name, row = ("row", 0) if name.endswith("row") else ("col", 1)
        order = edge_index[row].argsort(stable=True)
        sorted_index = EdgeIndex(edge_index[:, order], sparse_size=(n, n), sort_order=order_name)
        return sorted_index, None if weight is None else weight[order]
    if name == "prepared":
        return prepare_adjacency(edge_index, weight, num_nodes=n), None
    values = problem.weight.to(dtype)
    if name == "SparseTensor":
        from torch_sparse import SparseTensor

        source, target = edge_index
        return SparseTensor(row=target, col=source, value=values, sparse_sizes=(n, n)), None
    transposed = torch.sparse_coo_tensor(edge_index.flip(0), values, (n, n))
    if name == "uncoalesced coo":
        return transposed, None
    transposed = transposed.coalesce()
    if name == "coo":
        return transposed, None
    return transposed.to_sparse_csr() if name == "csr" else transposed.to_sparse_csc(), None
