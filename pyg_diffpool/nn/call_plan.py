"""How to call a network, derived from the signatures of the network and its layers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch_geometric.nn import CGConv, GINEConv, GMMConv, MessagePassing, NNConv
from torch_geometric.nn import Sequential as NamedSequential

from pyg_diffpool.ops.operator import traced

Network = Callable[..., Any]

AS_DOCUMENTED = ("x", "edge_index", "edge_weight")
EDGES = ("edge_index", "adj_t", "adj", "adjacency", "hyperedge_index")
MATRICES = ("adj", "adjacency")
# Second arguments that are not edges, and third arguments that are not weights.
NO_EDGES = ("batch", "batch_size", "mask", "size", "return_emb", "type_vec")
NO_WEIGHTS = ("size", "batch", "batch_size", "mask", "edge_type", "node_type", "pos", "u", "x_0")
NOT_OF_EDGES = ("return_", "hyperedge_")
FEATURES = ("edge_attr", "edge_feat")


class Arguments(NamedTuple):
    """The arguments of a network's forward pass, including those that a wrapper passes on."""

    positional: tuple[str, ...]
    keywords: tuple[str, ...]
    required: tuple[str, ...]


class CallPlan(NamedTuple):
    """How a network is called.

    Attributes:
        kind: ``rows`` (no edges), ``matrix`` (dense adjacency matrices) or ``edges``.
        edges: Keyword of the edges if they are not the second argument.
        weight: Keyword of the weights; empty for the third argument; None if there is none.
        column: Whether weights are passed as edge features with one column.
        ones: Whether unweighted edges get weights of one.
        extras: Which of batch, batch_size and mask the network takes.
        missing: Required arguments for which there is no value.
        width: Number of edge features that the network takes if there are weights, if known.
        features: Keyword of the edge features; empty for the third argument; None if there is none.
        features_width: Number of edge features that the network takes, if known.
        others: Optional arguments for which there is no value.
    """

    kind: str
    edges: str | None = None
    weight: str | None = None
    column: bool = False
    ones: bool = False
    extras: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    width: int | None = None
    features: str | None = None
    features_width: int | None = None
    others: tuple[str, ...] = ()


def runs_on_dense_levels(network: Network) -> bool:
    """Return whether a network accepts prepared and dense adjacencies, as this library's do."""
    found = getattr(network, "runs_on_dense_levels", None)
    # A wrapper with several children may also call some that do not accept a dense level.
    while found is None and isinstance(network, torch.nn.Module) and len(network._modules) == 1:
        inside = _wrapped(network)
        if not inside:
            return False
        network = inside[0]
        found = getattr(network, "runs_on_dense_levels", None)
    return bool(found)


# Call plans of PyG's layers, which do not change during their lifetime.
_PLANS: WeakKeyDictionary[MessagePassing, CallPlan] = WeakKeyDictionary()


def plan_call(network: Network) -> CallPlan:
    """Return how a network is called."""
    if traced() or not isinstance(network, MessagePassing) or "forward" in network.__dict__:
        return _planned(network)
    plan = _PLANS.get(network)
    if plan is None:
        plan = _PLANS[network] = _planned(network)
    return plan


def _planned(network: Network) -> CallPlan:
    positional, keywords, required = _arguments(network)
    extras = tuple(name for name in ("batch", "batch_size", "mask") if name in keywords)
    edges = _edges_keyword(positional, keywords)
    if edges is None and (len(positional) < 2 or positional[1] in NO_EDGES or _is_plain(network)):
        missing = tuple(sorted(set(required) - {*positional[:1], *extras}))
        return CallPlan("rows", extras=extras, missing=missing)
    given = {positional[0], edges or positional[1], *extras} if positional else set()
    if edges is None and positional[1] in MATRICES and not _passes_messages(network):
        return CallPlan("matrix", extras=extras, missing=tuple(sorted(set(required) - given)))
    third = positional[2] if len(positional) > 2 and edges is None else None
    weight, column, width = _weights(network, third, keywords, required)
    missing = tuple(sorted(set(required) - given - {weight}))
    ones = weight is not None and (column or weight in required)
    keyword = "" if weight is not None and weight not in keywords else weight
    features = _features(network, third, keywords)
    features_width = None if features is None else feature_width(network)
    others = tuple(name for name in keywords if name not in {*given, weight, *missing})
    return CallPlan(
        "edges",
        edges,
        keyword,
        column,
        ones,
        extras,
        missing,
        width,
        features,
        features_width,
        others,
    )


def _weights(
    network: Network, third: str | None, keywords: tuple[str, ...], required: tuple[str, ...]
) -> tuple[str | None, bool, int | None]:
    """Return the argument that takes weights, whether as a column, and the expected width."""
    names = dict.fromkeys([*([third] if third else []), *keywords])
    of_edges = [name for name in names if not name.startswith(NOT_OF_EDGES)]
    for name in of_edges:
        if "weight" in name:
            return name, False, None
    for name in of_edges:
        if name.startswith(FEATURES):
            width = feature_width(network)
            if width == 1 or (width is None and name in required):
                return name, True, 1
            return None, False, width
    if third and third in required and third not in NO_WEIGHTS:
        return third, False, None
    return None, False, None


def _features(network: Network, third: str | None, keywords: tuple[str, ...]) -> str | None:
    """Return the keyword of edge features, empty for the third argument, or None."""
    name = next((name for name in keywords if name.startswith(FEATURES)), None)
    if name is None and third is not None and third.startswith(FEATURES):
        name = ""
    if name is not None and isinstance(network, torch.nn.Module):
        layers = [layer for layer in network.modules() if isinstance(layer, MessagePassing)]
        if layers and all(map(_has_no_features, layers)):
            return None
    return name


def _has_no_features(layer: MessagePassing) -> bool:
    """Return whether a layer was made for edges without features."""
    widths = [getattr(layer, name, "") for name in ("edge_dim", "in_edge_channels", "dim")]
    return None in widths[:2] or (isinstance(layer, CGConv) and widths[2] == 0)


def feature_width(network: Network) -> int | None:
    """Return the number of edge features that a network takes, if known."""
    if not isinstance(network, torch.nn.Module):
        return None
    layers = [layer for layer in network.modules() if isinstance(layer, MessagePassing)]
    widths = {_layer_width(layer) for layer in layers or [network]} - {None}
    # A custom network may define edge_dim; with layers of several widths, weights are not passed.
    own = getattr(network, "edge_dim", None)
    if isinstance(own, int):
        return own
    return widths.pop() if len(widths) == 1 else None


def _layer_width(layer: torch.nn.Module) -> int | None:
    if isinstance(layer, (GMMConv, CGConv)):
        return int(layer.dim)
    if isinstance(layer, GINEConv):
        return _inputs(layer.lin)
    if isinstance(layer, NNConv):
        inner = layer.nn.modules() if isinstance(layer.nn, torch.nn.Module) else ()
        return next((width for width in map(_inputs, inner) if width is not None), None)
    width = getattr(layer, "edge_dim", None)
    if width is None:
        width = getattr(layer, "in_edge_channels", None)
    if width is None:
        width = _inputs(getattr(layer, "lin_edge", None))
    return width if isinstance(width, int) else None


def _inputs(layer: object) -> int | None:
    width = getattr(layer, "in_features", getattr(layer, "in_channels", None))
    return width if isinstance(width, int) else None


def _arguments(network: Network) -> Arguments:
    """Return the arguments of a network, resolving wrappers that pass arguments on."""
    if isinstance(network, NamedSequential):
        return _of_a_sequential(network)
    inside = _wrapped(network)
    if len(inside) == 1:
        return _arguments(inside[0])
    parameters = _parameters(network)
    kinds = {parameter.kind for parameter in parameters}
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    positional = [p.name for p in named if p.kind != p.KEYWORD_ONLY]
    keywords = [p.name for p in named if p.kind != p.POSITIONAL_ONLY]
    required = [p.name for p in named if p.default is p.empty]
    refused = [
        name
        for name in ("edge_weight", "edge_attr")
        if not getattr(network, f"supports_{name}", True)
    ]
    if inspect.Parameter.VAR_POSITIONAL in kinds or inspect.Parameter.VAR_KEYWORD in kinds:
        inner = _inner_arguments(network)
        if inspect.Parameter.VAR_POSITIONAL in kinds:
            positional += inner.positional[len(positional) :]
        if inspect.Parameter.VAR_KEYWORD in kinds:
            keywords += [name for name in inner.keywords if name not in keywords]
        passed = {*positional, *keywords}
        required += [n for n in inner.required[2:] if n in passed and n not in required]
    return Arguments(
        tuple("" if name in refused else name for name in positional),
        tuple(name for name in keywords if name not in refused),
        tuple(required),
    )


def _inner_arguments(network: Network) -> Arguments:
    """Return the arguments shared by all graph networks inside a network that passes them on."""
    children = network.children() if isinstance(network, torch.nn.Module) else ()
    inner = [_arguments(child) for child in children if _takes_edges(child)]
    if not inner:
        return Arguments(AS_DOCUMENTED, (), ())
    shared = set(inner[0].keywords).intersection(*(other.keywords for other in inner))
    first = inner[0]
    if len(inner) > 1:
        first = first._replace(positional=first.positional[:2])
    return first._replace(keywords=tuple(name for name in first.keywords if name in shared))


def _of_a_sequential(network: NamedSequential) -> Arguments:
    names = tuple(network.signature.param_dict)
    return Arguments(names, names, names)


def _wrapped(network: Network) -> list[torch.nn.Module]:
    """Return the network inside a wrapper that only passes its arguments on."""
    if not isinstance(network, torch.nn.Module) or isinstance(network, NamedSequential):
        return []
    if "_orig_mod" in network._modules:
        return [network.get_submodule("_orig_mod")]
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = _parameters(network)
    if {parameter.kind for parameter in parameters} != set(variadic):
        return []
    children = list(network.children())
    children = [child for child in children if _takes_edges(child)] or children
    return children if len(children) == 1 else []


def _takes_edges(network: torch.nn.Module) -> bool:
    names = {parameter.name for parameter in _parameters(network)}
    return _passes_messages(network) or not names.isdisjoint(EDGES)


def _parameters(network: Network) -> list[inspect.Parameter]:
    if isinstance(network, torch.jit.ScriptModule):
        return [_scripted(argument) for argument in network.forward.schema.arguments[1:]]  # type: ignore[attr-defined]
    forward = network.forward if isinstance(network, torch.nn.Module) else network
    return list(inspect.signature(forward).parameters.values())


def _scripted(argument: Any) -> inspect.Parameter:
    default = argument.default_value if argument.has_default_value() else inspect.Parameter.empty
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(argument.name, kind, default=default)


def _edges_keyword(positional: tuple[str, ...], keywords: tuple[str, ...]) -> str | None:
    """Return the keyword of the edges if they are not the second argument."""
    if len(positional) > 1 and positional[1] in EDGES:
        return None
    return next((name for name in EDGES if name in keywords), None)


def _is_plain(network: Network) -> bool:
    """Return whether a network is one of PyTorch's layers, which do not take edges."""
    return type(network).__module__.startswith("torch.nn.modules.")


def _passes_messages(network: Network) -> bool:
    return isinstance(network, torch.nn.Module) and any(
        isinstance(layer, MessagePassing) or getattr(layer, "runs_on_dense_levels", False)
        for layer in network.modules()
    )
