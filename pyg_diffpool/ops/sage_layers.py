r"""Consecutive GraphSAGE layers as one function with a custom gradient, for one or more networks.

Networks of equal shapes that share input and edges run side by side: a row holds the channels of
:math:`n` networks for one node, one network after the other. One product aggregates for all of
them, and the same kernels normalise, activate and compute statistics. Each network has its own
weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from pyg_diffpool.ops.aggregation import Aggregation
from pyg_diffpool.ops.batch_normalization import (
    BatchNormalization,
    KeptStatistics,
    normalization_backward,
    normalization_forward,
    plain_normalization,
)
from pyg_diffpool.ops.operator import is_differentiated_again, plain_gradients
from pyg_diffpool.ops.precision import accumulated

# For each layer and each kind of tensor, that of each network; None for those that do not exist.
Parameters: TypeAlias = Sequence[Tensor | None]
# Weight of the aggregated rows, bias, root weight, scale and shift of batch normalisation.
KINDS = 5

# Lower bound of the norm that rows are divided by, as in PyTorch's normalize.
NORM_EPSILON = 1e-12


def normalized_rows(rows: Tensor) -> Tensor:
    """Divide rows by their Euclidean norm; zero rows stay zero with finite derivatives."""
    wide = accumulated(rows)
    squares = torch.linalg.vecdot(wide, wide).unsqueeze(-1)
    unit: Tensor = wide * squares.clamp(min=NORM_EPSILON**2).rsqrt()
    return unit.to(rows.dtype)


class Layer(NamedTuple):
    """The settings of a layer.

    Attributes:
        normalize: Whether rows are divided by their Euclidean norm.
        activate: Whether ReLU follows.
        norm: Batch normalisation, the last step.
    """

    normalize: bool
    activate: bool
    norm: BatchNormalization | None


@dataclass
class Stack:
    """Consecutive layers with one aggregation, for one network or several of equal shapes.

    Attributes:
        aggregation: The aggregation.
        layers: The layers.
        networks: Number of networks.
        mask: 1 for rows that are nodes and 0 for others (M, 1), or None if all are nodes.
        jump: ``cat`` concatenates the outputs of all layers, ``last`` returns that of the last.
        differentiated: Whether intermediate results are kept for a backward pass.
            (default: :obj:`True`)
    """

    aggregation: Aggregation
    layers: Sequence[Layer]
    networks: int
    mask: Tensor | None
    jump: str
    differentiated: bool = True


class _Kept(NamedTuple):
    """Intermediate results of a layer for its backward pass, for all networks (M, n F).

    Attributes:
        rows: The input; (M, F) for the first layer, whose input is shared.
        aggregated: The aggregated input, of the same shape.
        unit: Rows of unit length.
        length: The norms that they were divided by (M, n, 1).
        active: Rows after ReLU.
        statistics: Of batch normalisation.
    """

    rows: Tensor
    aggregated: Tensor
    unit: Tensor | None
    length: Tensor | None
    active: Tensor
    statistics: KeptStatistics


_KEPT = len(_Kept._fields) - 1 + len(KeptStatistics._fields)


class SAGELayers(torch.autograd.Function):
    r"""Layers of GraphSAGE on rows that are the input of all networks.

    .. math::
        \mathbf{H}^{(k)} = \mathrm{BN} \left( \mathrm{ReLU} \left( \mathrm{normalize} \left(
        \mathbf{M} \mathbf{H}^{(k - 1)} \mathbf{W}_1^{\top} + \mathbf{b}
        + \mathbf{H}^{(k - 1)} \mathbf{W}_2^{\top} \right) \right) \right)
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, values: Tensor, stack: Stack, *parameters: Tensor | None
    ) -> tuple[Tensor, ...]:
        """Return the output (M, D) of each network.

        Args:
            ctx: The context.
            x: Rows (M, F); those that are not nodes are zero.
            values: Those of the aggregation, passed separately for autograd.
            stack: The layers.
            parameters: For each layer and each kind, the tensor of each network: weights of the
                aggregated rows (F_out, F_in), their biases, root weights, scales and shifts of
                batch normalisation; None for those that do not exist.
        """
        joined = _joined(parameters, stack.networks)
        rows, outputs, saved = x, [], []
        for number, layer in enumerate(stack.layers):
            aggregated = stack.aggregation.product(rows)
            weights = _of_layer(joined, number)
            rows, kept = _layer_forward(
                aggregated, rows, stack, layer, weights, all_share=number == 0
            )
            if stack.jump == "cat":
                outputs.append(rows)
            if stack.differentiated:
                saved += [*kept[:-1], *kept.statistics]
        if stack.differentiated:
            ctx.save_for_backward(x, values, *parameters, *joined, *saved)
            ctx.set_materialize_grads(False)
            ctx.stack = stack
        return _side_by_side(outputs if stack.jump == "cat" else [rows], stack.networks)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return the gradients of rows, values and parameters."""
        stack, needs = ctx.stack, ctx.needs_input_grad
        x, values, *saved = ctx.saved_tensors
        count = len(stack.layers) * KINDS
        parameters, joined, rest = _split(saved, count * stack.networks, count)
        if is_differentiated_again(gradients):
            return plain_gradients(_plain, (x, values, stack, *parameters), needs, gradients)
        if all(gradient is None for gradient in gradients):
            return (None,) * len(needs)
        kept = [
            _Kept(*rest[start : start + 5], KeptStatistics(*rest[start + 5 : start + _KEPT]))  # type: ignore[call-arg]
            for start in range(0, len(rest), _KEPT)
        ]
        onto_x, onto_values, found = _backward(gradients, stack, joined, kept, needs)
        onto_parameters: list[Tensor | None] = []
        for gradient in found:
            parts = (None,) * stack.networks if gradient is None else (gradient,)
            if gradient is not None and stack.networks > 1:
                parts = gradient.chunk(stack.networks)
            onto_parameters.extend(parts)
        return (onto_x, onto_values, None, *onto_parameters)


def _split(saved: Sequence[Any], first: int, second: int) -> tuple[Sequence[Any], ...]:
    return saved[:first], saved[first : first + second], saved[first + second :]


def _joined(parameters: Parameters, networks: int) -> list[Tensor | None]:
    """Concatenate the tensors of all networks, for each layer and kind."""
    if networks == 1:
        return list(parameters)
    found: list[Tensor | None] = []
    for start in range(0, len(parameters), networks):
        parts = parameters[start : start + networks]
        found.append(None if parts[0] is None else torch.cat(list(parts)))  # type: ignore[arg-type]
    return found


def _of_layer(joined: Sequence[Tensor | None], number: int) -> Sequence[Any]:
    return joined[number * KINDS : (number + 1) * KINDS]


def _by_network(rows: Tensor, networks: int) -> Tensor:
    """View rows (M, n F) as (n, M, F)."""
    return rows.view(rows.size(0), networks, -1).transpose(0, 1)


def _layer_forward(
    aggregated: Tensor,
    rows: Tensor,
    stack: Stack,
    layer: Layer,
    weights: Sequence[Any],
    all_share: bool,
) -> tuple[Tensor, _Kept]:
    """Run a layer; :obj:`all_share` says that the rows are the input of all networks."""
    neighbours, bias, root, scale, shift = weights
    networks = 1 if all_share else stack.networks
    out = _transformed(aggregated, rows, neighbours, bias, root, networks)
    unit = length = None
    if layer.normalize:
        unit = out
        by_network = out.view(out.size(0), stack.networks, -1)
        length = torch.linalg.vector_norm(by_network, dim=-1, keepdim=True)
        length.clamp_(min=NORM_EPSILON)
        by_network.mul_(_inverse(length, stack.mask))
    elif stack.mask is not None:
        out.mul_(stack.mask)
    active = out
    if layer.activate:
        # The backward pass of the normalisation needs the negative entries.
        in_place = unit is None or not stack.differentiated
        active = out.relu_() if in_place else out.relu()
    kept = _Kept(rows, aggregated, unit, length, active, KeptStatistics())
    if layer.norm is None:
        return active, kept
    out, statistics = normalization_forward(active, layer.norm, scale, shift, stack.mask)
    return out, kept._replace(statistics=statistics)


def _transformed(
    aggregated: Tensor,
    rows: Tensor,
    neighbours: Tensor,
    bias: Tensor | None,
    root: Tensor | None,
    networks: int,
) -> Tensor:
    """Apply the linear maps; :obj:`networks` is 1 if the rows are shared."""
    if networks == 1:
        maps = neighbours.t()
        out = aggregated @ maps if bias is None else torch.addmm(bias, aggregated, maps)
        return out if root is None else out.addmm_(rows, root.t())
    out = rows.new_empty(rows.size(0), neighbours.size(0))
    target = _by_network(out, networks)
    around = _by_network(aggregated, networks)
    maps = _maps(neighbours, networks).transpose(1, 2)
    if bias is None:
        torch.bmm(around, maps, out=target)
    else:
        torch.baddbmm(bias.view(networks, 1, -1), around, maps, out=target)
    if root is not None:
        target.baddbmm_(_by_network(rows, networks), _maps(root, networks).transpose(1, 2))
    return out


def _maps(joined: Tensor, networks: int) -> Tensor:
    return joined.view(networks, -1, joined.size(1))


def _side_by_side(outputs: Sequence[Tensor], networks: int) -> tuple[Tensor, ...]:
    """Return the concatenated outputs of layers, for each network."""
    if networks == 1:
        return (outputs[0] if len(outputs) == 1 else torch.cat(list(outputs), -1),)
    parts = zip(*(output.chunk(networks, 1) for output in outputs), strict=True)
    return tuple(torch.cat(rows, -1) for rows in parts)


def _inverse(length: Tensor, mask: Tensor | None) -> Tensor:
    """Return the reciprocal norms, and zero for rows that are not nodes."""
    inverse = length.reciprocal()
    return inverse if mask is None else inverse.mul_(mask.unsqueeze(-1))


def _backward(
    gradients: Sequence[Tensor | None],
    stack: Stack,
    joined: Sequence[Tensor | None],
    kept: Sequence[_Kept],
    needs: Sequence[bool],
) -> tuple[Tensor | None, Tensor | None, list[Tensor | None]]:
    """Return the gradients of rows, of the aggregation's values and of the joined weights."""
    needs_x, needs_values = needs[:2]
    onto_values: Tensor | None = None
    onto_weights: list[Tensor | None] = []
    onto_rows: Tensor | None = None
    end = next(gradient.size(1) for gradient in gradients if gradient is not None)
    for number in reversed(range(len(stack.layers))):
        layer, step, first = stack.layers[number], kept[number], number == 0
        neighbours, _, root, _, _ = _of_layer(joined, number)
        width = step.active.size(1) // stack.networks
        if onto_rows is None or stack.jump == "cat":
            onto_rows = _collected(gradients, end - width, width, onto_rows)
            end -= width
        grad, onto_scale, onto_shift = _activation_backward(onto_rows, stack, layer, step)
        networks = 1 if first else stack.networks
        wanted = [
            any(needs[start : start + stack.networks])
            for start in range(3 + number * KINDS * stack.networks, len(needs), stack.networks)
        ]
        onto_weights[:0] = (
            _onto_map(grad, step.aggregated, networks) if wanted[0] else None,
            grad.sum(0) if wanted[1] else None,
            _onto_map(grad, step.rows, networks) if wanted[2] else None,
            onto_scale,
            onto_shift,
        )
        if first and not (needs_x or needs_values):
            break
        onto_aggregated = _through_map(grad, neighbours, networks)
        if needs_values:
            found = stack.aggregation.gradient_of_values(onto_aggregated, step.rows)
            onto_values = found if onto_values is None else onto_values.add_(found)
        if not first or needs_x:
            onto_rows = stack.aggregation.transposed_product(onto_aggregated)
            if root is not None:
                _through_map(grad, root, networks, onto_rows)
    return (onto_rows if needs_x else None), onto_values, onto_weights


def _collected(
    gradients: Sequence[Tensor | None], start: int, width: int, onto_rows: Tensor | None
) -> Tensor:
    """Return the gradient of a layer's output, as returned and as input of the next layer."""
    if onto_rows is None:
        like = next(gradient for gradient in gradients if gradient is not None)
        parts = [
            like.new_zeros(like.size(0), width) if part is None else part.narrow(1, start, width)
            for part in gradients
        ]
        return torch.cat(parts, -1)
    for own, part in zip(onto_rows.chunk(len(gradients), 1), gradients, strict=True):
        if part is not None:
            own.add_(part.narrow(1, start, width))
    return onto_rows


def _activation_backward(
    grad: Tensor, stack: Stack, layer: Layer, kept: _Kept
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Return the gradients of the linear maps' output, of scale and of shift."""
    onto_scale = onto_shift = None
    if layer.norm is not None:
        grad, onto_scale, onto_shift = normalization_backward(
            grad, kept.active, layer.norm, kept.statistics, stack.mask
        )
    if layer.activate:
        grad = torch.ops.aten.threshold_backward(grad, kept.active, 0)
    if kept.unit is not None and kept.length is not None:
        shape = grad.size(0), stack.networks, -1
        by_network, unit = grad.view(shape), kept.unit.view(shape)
        along = torch.linalg.vecdot(unit, by_network).unsqueeze_(-1)
        # A norm at its lower bound is constant.
        along.masked_fill_(kept.length <= NORM_EPSILON, 0.0)
        by_network.addcmul_(unit, along, value=-1)
        by_network.mul_(_inverse(kept.length, stack.mask))
    elif stack.mask is not None:
        grad.mul_(stack.mask)
    return grad, onto_scale, onto_shift


def _onto_map(grad: Tensor, rows: Tensor, networks: int) -> Tensor:
    """Return the gradient of the joined weights (n F_out, F_in)."""
    if networks == 1:
        return grad.t() @ rows
    grads = _by_network(grad, networks).transpose(1, 2)
    return torch.bmm(grads, _by_network(rows, networks)).flatten(0, 1)


def _through_map(grad: Tensor, joined: Tensor, networks: int, onto: Tensor | None = None) -> Tensor:
    """Return the gradient of the rows, added to :obj:`onto` if given."""
    if networks == 1:
        return grad @ joined if onto is None else onto.addmm_(grad, joined)
    maps, grads = _maps(joined, networks), _by_network(grad, networks)
    if onto is not None:
        _by_network(onto, networks).baddbmm_(grads, maps)
        return onto
    out = grad.new_empty(grad.size(0), networks * joined.size(1))
    torch.bmm(grads, maps, out=_by_network(out, networks))
    return out


def _plain(
    x: Tensor, values: Tensor, stack: Stack, *parameters: Tensor | None
) -> tuple[Tensor, ...]:
    """Run the networks one by one, with operations that have derivatives of all orders."""
    found = []
    for network in range(stack.networks):
        rows, outputs = x, []
        own = parameters[network :: stack.networks]
        for number, layer in enumerate(stack.layers):
            rows = _plain_layer(rows, values, stack, layer, _of_layer(own, number), network)
            outputs.append(rows)
        found.append(torch.cat(outputs, -1) if stack.jump == "cat" else rows)
    return tuple(found)


def _plain_layer(
    rows: Tensor, values: Tensor, stack: Stack, layer: Layer, weights: Sequence[Any], network: int
) -> Tensor:
    neighbours, bias, root, scale, shift = weights
    out = F.linear(stack.aggregation.plain_product(values, rows), neighbours, bias)
    if root is not None:
        out = out + F.linear(rows, root)
    if layer.normalize:
        out = normalized_rows(out)
    if stack.mask is not None:
        out = out * stack.mask
    if layer.activate:
        out = out.relu()
    if layer.norm is not None:
        out = plain_normalization(out, layer.norm, network, scale, shift, stack.mask)
    return out
