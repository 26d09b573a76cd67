"""Running any PyG module on any level: the adapters that :class:`DiffPool` needs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch_geometric.utils import is_sparse

from pyg_diffpool.nn.call_plan import CallPlan, plan_call, runs_on_dense_levels
from pyg_diffpool.nn.pooled_graph import to_edges
from pyg_diffpool.nn.watchers import (
    AnyAdjacency,
    given_edges,
    has_observed,
    is_pooled,
    unexplained,
)
from pyg_diffpool.ops import Adjacency
from pyg_diffpool.ops.level import DenseLevel, Level, SparseLevel
from pyg_diffpool.ops.operator import traced

# The errors that unsuitable arguments raise, possibly deep inside the network.
UNFIT = (TypeError, AttributeError, AssertionError)


def network_call(
    role: str,
    module: torch.nn.Module,
    x: Tensor,
    level: Level,
    edge_index: AnyAdjacency,
    edge_weight: Tensor | None,
) -> Callable[[], Any]:
    """Return a function that calls a network on a level with all arguments that it accepts.

    The caller calls this function, and then :func:`check_rows` on the result.

    Args:
        role: ``embed`` or ``assign``, the name in error messages.
        module: The network.
        x: Node features.
        level: The level.
        edge_index: Edges as passed by the caller.
        edge_weight: Edge weights as passed by the caller.
    """
    if not runs_on_dense_levels(module):
        if isinstance(level, DenseLevel):
            return partial(_run_on_matrices, role, module, x, level)
        return partial(_run_on_edges, role, module, x, level, edge_index, edge_weight)
    if isinstance(level, DenseLevel):
        return partial(module, x, level.adj, mask=level.mask)
    if not isinstance(edge_index, Adjacency) and has_observed(module):
        return partial(module, x, edge_index, edge_weight)
    return partial(module, x, level.adjacency)


def _run_on_edges(
    role: str,
    module: torch.nn.Module,
    x: Tensor,
    level: SparseLevel,
    edge_index: AnyAdjacency,
    edge_weight: Tensor | None,
) -> Tensor:
    plan = plan_call(module)
    if plan.kind == "matrix":
        raise TypeError(
            f"{role}: expected a network of edges on a sparse level, got "
            f"{_name(module)}, which takes dense adjacency matrices"
        )
    context: AbstractContextManager[None] = nullcontext()
    if plan.kind == "edges" and is_pooled(edge_index):
        context = unexplained(module)
    graphs = level.graphs
    known = {"batch": graphs.batch, "batch_size": graphs.batch_size}
    with context:
        return _run_edges(role, module, plan, x, edge_index, edge_weight, **known)


def _run_on_matrices(
    role: str,
    module: torch.nn.Module,
    x: Tensor,
    level: DenseLevel,
) -> Tensor:
    """Call a network on a dense level, on weighted edges unless it takes dense matrices."""
    plan = plan_call(module)
    mask = level.mask
    if plan.kind == "matrix":
        options = {"mask": mask} if "mask" in plan.extras else {}
        return _called(role, module, plan, x, (level.adj,), options)
    if plan.kind == "rows" and mask is None and "batch" not in plan.extras:
        out = _called(role, module, plan, x.flatten(0, 1), (), {})
        return out.view(*x.shape[:2], out.size(-1))
    rows = x.new_ones(x.shape[:2], dtype=torch.bool) if mask is None else mask
    edges = to_edges(x, level.adj, rows)
    known = {"batch": edges.batch, "batch_size": x.size(0)}
    with nullcontext() if traced() else unexplained(module):
        out = _run_edges(role, module, plan, edges.x, edges.edge_index, edges.edge_weight, **known)
    dense = out.new_zeros(*x.shape[:2], out.size(-1))
    return dense.masked_scatter(rows.unsqueeze(-1), out)


def _run_edges(
    role: str,
    module: torch.nn.Module,
    plan: CallPlan,
    x: Tensor,
    edge_index: AnyAdjacency,
    edge_weight: Tensor | None,
    **known: Any,
) -> Tensor:
    """Call a network with edges, or with node features only."""
    options = {name: known[name] for name in plan.extras if name in known}
    if plan.kind == "rows":
        return _called(role, module, plan, x, (), options)
    if isinstance(edge_index, Adjacency) or (plan.ones and is_sparse(edge_index)):
        edge_index, edge_weight = given_edges(edge_index, edge_weight, x.size(0))
    if edge_weight is None and plan.ones and isinstance(edge_index, Tensor):
        edge_weight = x.new_ones(edge_index.size(1))
    arguments: tuple[Any, ...] = ()
    if plan.edges is None:
        arguments = (edge_index,)
    else:
        options[plan.edges] = edge_index
    if edge_weight is not None:
        weight = edge_weight.view(-1, 1) if plan.column else edge_weight.view(-1)
        if plan.weight is None:
            _warn_once(module, plan)
        elif plan.weight == "":
            arguments = (*arguments, weight)
        else:
            options[plan.weight] = weight
    return _called(role, module, plan, x, arguments, options)


def _called(
    role: str,
    module: torch.nn.Module,
    plan: CallPlan,
    x: Tensor,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
) -> Tensor:
    if plan.missing:
        raise TypeError(
            f"{role}: {_name(module)} cannot be called on a level of x, edge_index and "
            f"edge_weight: there is no value for {', '.join(plan.missing)}"
        )
    try:
        out = module(x, *arguments, **options)
    except UNFIT as error:
        given = ", ".join(["x", *["edges", "weights"][: len(arguments)], *options])
        others = f", which leaves {', '.join(plan.others)}" if plan.others else ""
        wanted = f" (of {plan.width} features per edge)" if plan.width not in (None, 1) else ""
        raise TypeError(
            f"{role}: {_name(module)} could not be called with ({given}){others}{wanted}: "
            f"{type(error).__name__}: {error}"
        ) from error
    return check_rows(role, module, out, x)


def check_rows(role: str, module: torch.nn.Module, out: object, x: Tensor) -> Tensor:
    """Check that a network returned a row for each node."""
    if not isinstance(out, Tensor):
        raise TypeError(
            f"{role}: expected {_name(module)} to return a tensor, got {type(out).__name__}"
        )
    if out.dim() != x.dim() or out.shape[:-1] != x.shape[:-1]:
        raise ValueError(
            f"{role}: expected {_name(module)} to return a row for each node, "
            f"shape {[*x.shape[:-1], 'F']}, got {tuple(out.shape)}"
        )
    return out


def _name(module: object) -> str:
    inner = getattr(module, "_orig_mod", module)
    return str(getattr(inner, "__name__", type(inner).__name__))


def _warn_once(module: torch.nn.Module, plan: CallPlan) -> None:
    if getattr(module, "_warned_of_weights", False):
        return
    module._warned_of_weights = True  # type: ignore[assignment]
    reason = ""
    if plan.width is not None:
        reason = f" (it takes {plan.width} features per edge, and a weight is one)"
    warnings.warn(
        f"{_name(module)} cannot use edge weights{reason}: it sees which nodes or clusters "
        "are connected, but not how strongly. After pooling, nearly all pairs of clusters are "
        "connected, so that most of the structure is lost.",
        stacklevel=2,
    )
