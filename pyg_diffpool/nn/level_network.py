"""Running any PyG module on any level: the adapters that :class:`DiffPool` needs."""

from __future__ import annotations

import inspect
import warnings
from typing import TypeAlias

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.nn.pooled_graph import to_sparse_level
from pyg_diffpool.ops import Adjacency

AnyAdjacency: TypeAlias = Tensor | EdgeIndex | SparseTensor | Adjacency


def runs_on_dense_levels(module: torch.nn.Module) -> bool:
    """Whether a module takes prepared and dense adjacencies itself, as this library's do."""
    return bool(getattr(module, "runs_on_dense_levels", False))


def weight_argument(module: torch.nn.Module) -> str | None:
    """Name the argument through which a module takes edge weights, if it can use them."""
    parameters = inspect.signature(module.forward).parameters
    if "edge_weight" in parameters and getattr(module, "supports_edge_weight", True):
        return "edge_weight"
    if "edge_attr" in parameters and getattr(module, "edge_dim", None) == 1:
        return "edge_attr"
    return None


def run_sparse(
    module: torch.nn.Module,
    x: Tensor,
    edge_index: AnyAdjacency,
    edge_weight: Tensor | None,
    batch: Tensor,
    batch_size: int,
) -> Tensor:
    """Call a module as PyG's convolutions are called, with all that it can use."""
    if isinstance(edge_index, Adjacency):
        edge_weight = edge_index.weight
        edge_index = torch.stack([edge_index.col, edge_index.target])
    parameters = inspect.signature(module.forward).parameters
    arguments: dict[str, object] = {}
    if edge_weight is not None:
        name = weight_argument(module)
        if name is None:
            _warn_once(module)
        else:
            arguments[name] = edge_weight.view(-1, 1) if name == "edge_attr" else edge_weight
    if "batch" in parameters:
        arguments["batch"] = batch
    if "batch_size" in parameters:
        arguments["batch_size"] = batch_size
    out: Tensor = module(x, edge_index, **arguments)
    return out


def run_dense(module: torch.nn.Module, x: Tensor, adj: Tensor, mask: Tensor | None) -> Tensor:
    """Call a module on a dense level, through weighted edges where it knows no other way."""
    if runs_on_dense_levels(module):
        out: Tensor = module(x, adj, mask=mask)
        return out
    rows = x.new_ones(x.shape[:2], dtype=torch.bool) if mask is None else mask
    level = to_sparse_level(x, adj, rows)
    out = run_sparse(module, level.x, level.edge_index, level.edge_weight, level.batch, x.size(0))
    dense = out.new_zeros(*x.shape[:2], out.size(-1))
    return dense.masked_scatter(rows.unsqueeze(-1), out)


def _warn_once(module: torch.nn.Module) -> None:
    if not getattr(module, "_warned_of_weights", False):
        module._warned_of_weights = True  # type: ignore[assignment]
        warnings.warn(
            f"{module.__class__.__name__} cannot use edge weights: it sees which nodes or clusters "
            "are joined, not how strongly. After pooling nearly all clusters are joined, so that "
            "little of the structure is left to it.",
            stacklevel=2,
        )
