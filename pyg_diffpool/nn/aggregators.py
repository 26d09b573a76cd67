"""PyG's aggregation modules, by their closed forms where they have one."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor
from torch_geometric.nn.aggr import (
    Aggregation,
    GRUAggregation,
    LSTMAggregation,
    MaxAggregation,
    MeanAggregation,
    MinAggregation,
    MultiAggregation,
    QuantileAggregation,
    SortAggregation,
    StdAggregation,
    SumAggregation,
    VarAggregation,
)

from pyg_diffpool.ops.moments import Moment, weighted_moments
from pyg_diffpool.ops.neighbourhoods import MessageNeighbourhood, Neighbourhood

# In PyG, these fail without any message; a quantile does if the first node has none.
FAIL_WITHOUT_MESSAGES = (GRUAggregation, LSTMAggregation, SortAggregation)

NAMES: dict[type[Aggregation], str] = {
    SumAggregation: "sum",
    MeanAggregation: "mean",
    MaxAggregation: "max",
    MinAggregation: "min",
    VarAggregation: "var",
    StdAggregation: "std",
}


def moment_of(module: Aggregation) -> Moment | None:
    """Return the closed form of a single aggregation, or None if it has none."""
    name = NAMES.get(type(module))
    if name is None:
        return None
    if isinstance(module, StdAggregation):
        return Moment(name, module.var_aggr.semi_grad)
    return Moment(name, isinstance(module, VarAggregation) and module.semi_grad)


def closed_forms(module: Aggregation) -> list[Moment] | None:
    """Return the closed forms of an aggregation or of all that it combines, or None."""
    found = [moment_of(member) for member in _members(module)]
    moments = [moment for moment in found if moment is not None]
    return moments if len(moments) == len(found) else None


def has_closed_form(module: Aggregation) -> bool:
    """Return whether an aggregation, or all that it combines, have closed forms."""
    # A single one first: networks ask for each of their layers in each call.
    return type(module) in NAMES or closed_forms(module) is not None


def linear_form(module: Aggregation) -> str | None:
    """Return ``mean`` or ``sum`` if that is what an aggregation computes, or None."""
    name = NAMES.get(type(module))
    return name if name in ("mean", "sum") else None


def weighs_messages(module: Aggregation) -> bool:
    """Return whether messages are multiplied by their weights before an aggregation sees them.

    Moments other than sum and mean need values and weights apart, and so do several aggregations.
    """
    if isinstance(module, MultiAggregation):
        return False
    return linear_form(module) is not None or moment_of(module) is None


def aggregate_rows(
    module: Aggregation, x: Tensor, moments: list[Moment], around: Neighbourhood
) -> Tensor:
    """Aggregate rows by closed forms.

    Args:
        module: The aggregation.
        x: Rows of nodes (N, F) or (B, N, F), or of messages (E, F), as the neighbourhood takes
            them.
        moments: What :func:`closed_forms` returns for the module.
        around: The neighbourhood of each node.
    """
    found = weighted_moments(x, moments, around)
    if not isinstance(module, MultiAggregation):
        return found[0]
    shape = found[0].shape[:-1]
    # Combinations such as attention are for two dimensions.
    combined: Tensor = module.combine([rows.reshape(-1, rows.size(-1)) for rows in found])
    return combined.view(*shape, combined.size(-1))


def aggregate_messages(
    module: Aggregation, messages: Tensor, around: MessageNeighbourhood
) -> Tensor:
    """Aggregate messages, by closed forms where there are, else weighted and by the module.

    Args:
        module: The aggregation.
        messages: Messages (E, F).
        around: Target and weight of each message.
    """
    moments = closed_forms(module)
    if moments is not None:
        return aggregate_rows(module, messages, moments, around)
    found = []
    for member in _members(module):
        moment = moment_of(member)
        if moment is not None:
            found += weighted_moments(messages, [moment], around)
        else:
            found.append(_by_module(member, around.weigh(messages), around))
    return module.combine(found) if isinstance(module, MultiAggregation) else found[0]


def _by_module(module: Aggregation, messages: Tensor, around: MessageNeighbourhood) -> Tensor:
    """Call a module, which may need a message that there is not."""
    target, num_nodes = around.target, around.num_nodes
    fails = isinstance(module, QuantileAggregation)
    if not fails and not (messages.size(0) == 0 and isinstance(module, FAIL_WITHOUT_MESSAGES)):
        found: Tensor = module(messages, target, dim_size=num_nodes, dim=-2)
        return found
    # A first node more, with two messages of zeros, changes nothing for the others. (With one
    # alone, a quantile of another node without messages would be looked up before the first.)
    messages = F.pad(messages, (0, 0, 2, 0))
    target = F.pad(target + 1, (2, 0))
    found = module(messages, target, dim_size=num_nodes + 1, dim=-2)
    return found[1:]


def _members(module: Aggregation) -> list[Aggregation]:
    if isinstance(module, MultiAggregation):
        return list(module.aggrs)
    return [module]
