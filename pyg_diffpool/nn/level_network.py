"""Running any PyG module on any level: the adapters that :class:`DiffPool` needs."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch_geometric.utils import is_sparse

from pyg_diffpool.nn.call_plan import CallPlan, plan_call, runs_on_dense_levels
from pyg_diffpool.nn.pooled_graph import to_sparse_level
from pyg_diffpool.nn.watchers import (
    AnyAdjacency,
    given_edges,
    has_observed,
    is_pooled,
    unexplained,
)
from pyg_diffpool.ops import Adjacency
from pyg_diffpool.ops.library import traced

# What a call with arguments that do not fit ends in, however deep inside.
UNFIT = (TypeError, AttributeError, AssertionError)


def run_sparse(
    role: str,
    module: torch.nn.Module,
    x: Tensor,
    edge_index: AnyAdjacency,
    edge_weight: Tensor | None,
    adjacency: Adjacency,
    batch: Tensor,
    batch_size: int,
) -> Tensor:
    """Call a network on a sparse level, with all that it can use.

    Args:
        role: ``embed`` or ``assign``, to name it in an error.
        module: The network.
        x: Rows of the nodes.
        edge_index: Edges as the caller gave them.
        edge_weight: Their weights.
        adjacency: The same edges, prepared.
        batch: Graph of each node.
        batch_size: Number of graphs.
    """
    if runs_on_dense_levels(module):
        watched = not isinstance(edge_index, Adjacency) and has_observed(module)
        out = module(x, edge_index, edge_weight) if watched else module(x, adjacency)
        return _checked(role, module, out, x)
    plan = plan_call(module)
    if plan.kind == "matrix":
        raise TypeError(
            f"{role}: expected a network of edges on a sparse level, got "
            f"{_name(module)}, which takes dense adjacency matrices"
        )
    context: AbstractContextManager[None] = nullcontext()
    if plan.kind == "edges" and is_pooled(edge_index):
        context = unexplained(module)
    with context:
        return _run_edges(
            role, module, plan, x, edge_index, edge_weight, batch=batch, batch_size=batch_size
        )


def run_dense(
    role: str, module: torch.nn.Module, x: Tensor, adj: Tensor, mask: Tensor | None
) -> Tensor:
    """Call a network on a dense level, through weighted edges where it knows no other way."""
    if runs_on_dense_levels(module):
        return _checked(role, module, module(x, adj, mask=mask), x)
    plan = plan_call(module)
    if plan.kind == "matrix":
        options = {"mask": mask} if "mask" in plan.extras else {}
        return _called(role, module, plan, x, (adj,), options)
    if plan.kind == "rows" and mask is None and "batch" not in plan.extras:
        out = _called(role, module, plan, x.flatten(0, 1), (), {})
        return out.view(*x.shape[:2], out.size(-1))
    rows = x.new_ones(x.shape[:2], dtype=torch.bool) if mask is None else mask
    level = to_sparse_level(x, adj, rows)
    with nullcontext() if traced() else unexplained(module):
        out = _run_edges(
            role,
            module,
            plan,
            level.x,
            level.edge_index,
            level.edge_weight,
            batch=level.batch,
            batch_size=x.size(0),
        )
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
    """Call a network with edges, or with rows alone."""
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
            f"edge_weight: there is nothing to give for {', '.join(plan.missing)}"
        )
    try:
        out = module(x, *arguments, **options)
    except UNFIT as error:
        given = ", ".join(["x", *["edges", "weights"][: len(arguments)], *options])
        others = f", which leaves {', '.join(plan.others)}" if plan.others else ""
        wanted = f" (of {plan.width} features an edge)" if plan.width not in (None, 1) else ""
        raise TypeError(
            f"{role}: {_name(module)} could not be called with ({given}){others}{wanted}: "
            f"{type(error).__name__}: {error}"
        ) from error
    return _checked(role, module, out, x)


def _checked(role: str, module: torch.nn.Module, out: object, x: Tensor) -> Tensor:
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
        reason = f" (it takes {plan.width} features an edge, and a weight is one)"
    warnings.warn(
        f"{_name(module)} cannot use edge weights{reason}: it sees which nodes or clusters "
        "are joined, not how strongly. After pooling nearly all clusters are joined, so that "
        "little of the structure is left to it.",
        stacklevel=2,
    )
