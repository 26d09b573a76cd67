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
    edge_attr: Tensor | None = None,
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
        edge_attr: Features (E, C) of these edges, or (B, N, N, C) on a dense level.
    """
    if not runs_on_dense_levels(module):
        if isinstance(level, DenseLevel):
            return partial(_run_on_matrices, role, module, x, level, edge_attr)
        return partial(_run_on_edges, role, module, x, level, edge_index, edge_weight, edge_attr)
    features: dict[str, Tensor] = {}
    if edge_attr is not None and plan_call(module).features == "edge_attr":
        features["edge_attr"] = edge_attr
    if isinstance(level, DenseLevel):
        return partial(module, x, level.adj, mask=level.mask, **features)
    if features:
        # In the order of the edges as they were passed.
        return partial(module, x, edge_index, edge_weight, **features)
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
    edge_attr: Tensor | None,
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
        return _run_edges(role, module, plan, x, edge_index, edge_weight, edge_attr, **known)


def _run_on_matrices(
    role: str,
    module: torch.nn.Module,
    x: Tensor,
    level: DenseLevel,
    edge_attr: Tensor | None,
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
    edges = to_edges(x, level.adj, rows, edge_attr)
    given = (edges.x, edges.edge_index, edges.edge_weight, edges.edge_attr)
    known: dict[str, Any] = {"batch": edges.batch, "batch_size": x.size(0)}
    with nullcontext() if traced() else unexplained(module):
        out = _run_edges(role, module, plan, *given, **known)
    dense = out.new_zeros(*x.shape[:2], out.size(-1))
    return dense.masked_scatter(rows.unsqueeze(-1), out)


def _run_edges(
    role: str,
    module: torch.nn.Module,
    plan: CallPlan,
    x: Tensor,
    edge_index: AnyAdjacency,
    edge_weight: Tensor | None,
    edge_attr: Tensor | None,
    **known: Any,
) -> Tensor:
    """Call a network with edges, or with node features only."""
    options = {name: known[name] for name in plan.extras if name in known}
    if plan.kind == "rows":
        return _called(role, module, plan, x, (), options)
    by_edge = plan.ones or edge_attr is not None
    if isinstance(edge_index, Adjacency) or (by_edge and is_sparse(edge_index)):
        edge_index, edge_weight = given_edges(edge_index, edge_weight, x.size(0))
    features = edge_features_for(role, _name(module), plan, edge_attr, edge_weight)
    if features is not None:
        plan = _with_features(plan)
        if plan.weight is None and edge_attr is not None and features.size(1) > edge_attr.size(1):
            edge_weight = None  # It is the last of the features.
    if edge_weight is None and plan.ones and isinstance(edge_index, Tensor):
        edge_weight = x.new_ones(edge_index.size(1))
    arguments: tuple[Any, ...] = ()
    if plan.edges is None:
        arguments = (edge_index,)
    else:
        options[plan.edges] = edge_index
    if features is not None and plan.features == "":
        arguments = (*arguments, features)
    elif features is not None and plan.features is not None:
        options[plan.features] = features
    if edge_weight is not None:
        weight = edge_weight.view(-1, 1) if plan.column else edge_weight.view(-1)
        if plan.weight is None:
            _warn_once(module, plan, featured=features is not None)
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


def _warn_once(module: torch.nn.Module, plan: CallPlan, featured: bool) -> None:
    if getattr(module, "_warned_of_weights", False):
        return
    module._warned_of_weights = True  # type: ignore[assignment]
    reason = ""
    if plan.width is not None:
        what = "with one more, the last is the weight" if featured else "and a weight is one"
        reason = f" (it takes {plan.width} features per edge, {what})"
    warnings.warn(
        f"{_name(module)} cannot use edge weights{reason}: it sees which nodes or clusters "
        "are connected, but not how strongly. After pooling, nearly all pairs of clusters are "
        "connected, so that most of the structure is lost.",
        stacklevel=2,
    )


def _with_features(plan: CallPlan) -> CallPlan:
    """Return the plan of a network that gets edge features, in place of weights in a column."""
    missing, others = (
        tuple(name for name in names if name != plan.features)
        for names in (plan.missing, plan.others)
    )
    plan = plan._replace(missing=missing, others=others)
    return plan._replace(weight=None, column=False, ones=False) if plan.column else plan


def edge_features_for(
    role: str,
    name: str,
    plan: CallPlan,
    edge_attr: Tensor | None,
    edge_weight: Tensor | None,
) -> Tensor | None:
    """Return the features that a network gets of each edge, or None if it takes none.

    A network that takes one feature more than there are gets the weight as the last one.
    """
    if edge_attr is None or plan.features is None:
        return None
    given = edge_attr.size(1)
    if plan.features_width is None or plan.features_width == given:
        return edge_attr
    if plan.features_width == given + 1:
        weight = edge_attr.new_ones(edge_attr.size(0)) if edge_weight is None else edge_weight
        return torch.cat([edge_attr, weight.view(-1, 1).to(edge_attr.dtype)], 1)
    if plan.column:
        return None
    raise ValueError(
        f"edge_attr: expected {plan.features_width} features of each edge for {role}, {name}, or "
        f"{plan.features_width - 1} and the weight, got {given}"
    )
