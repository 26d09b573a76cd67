r"""Weighted moments and extrema of neighbourhoods, with one weighted sum for all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops.aggregation import inverse_or_zero
from pyg_diffpool.ops.neighbourhoods import Neighbourhood
from pyg_diffpool.ops.precision import accumulated, exact

SPREADS = ("var", "std")
EXTREMA = ("max", "min")

# Variances up to this one have a standard deviation of zero, without a gradient, as in PyG.
LEAST_VARIANCE = 1e-5


class Moment(NamedTuple):
    """An aggregation that has a closed form.

    Attributes:
        name: ``sum``, ``mean``, ``max``, ``min``, ``var`` or ``std``.
        semi_grad: For ``var`` and ``std``, whether the mean of the squares has no gradient.
    """

    name: str
    semi_grad: bool = False


def weighted_moments(x: Tensor, moments: Sequence[Moment], around: Neighbourhood) -> list[Tensor]:
    r"""Return moments of the rows around each node, one tensor for each.

    With :math:`W = \sum_u w_u`:

    .. math::
        \mathrm{sum} = \sum_u w_u \mathbf{x}_u, \qquad
        \mathrm{mean} = \mathrm{sum} / W, \qquad
        \mathrm{var} = \frac{1}{W} \sum_u w_u \mathbf{x}_u^2 - \mathrm{mean}^2, \qquad
        \mathrm{std} = \sqrt{\mathrm{var}}

    Mean, variance and standard deviation are zero if :math:`W = 0`, and the standard deviation also
    if the variance is at most :math:`10^{-5}`, as in PyG. Maximum and minimum are over the rows
    with nonzero weight.

    The difference of the variance cancels if the mean is large: a mean of 1,000 leaves no correct
    digit of a variance of 1 in float32. All sums, and those of gradients, are therefore float64 if
    a variance is asked for.

    Args:
        x: Rows (·, F).
        moments: The moments.
        around: The neighbourhoods.
    """
    names = {moment.name for moment in moments}
    spread = not names.isdisjoint(SPREADS)
    wide = accumulated(x)
    found = {}
    if not names.issubset(EXTREMA):
        rows = wide
        if spread:
            rows = exact(wide)
            around = around.to(rows.dtype)
        summed = around.weighted_sum(torch.cat([rows, rows * rows], -1) if spread else rows)
        found["sum"], squares = summed[..., : x.size(-1)], summed[..., x.size(-1) :]
        if names & {"mean", *SPREADS}:
            total = around.total_weight(rows.dtype)
            inverse = inverse_or_zero(total, wide.dtype).unsqueeze(-1)
            found["mean"], found["squares"] = found["sum"] * inverse, squares * inverse
    if "max" in names:
        found["max"] = around.maximum(wide)
    if "min" in names:
        found["min"] = 0.0 - around.maximum(-wide)  # Not its negative, which may be minus zero.
    return [_moment(moment, found).to(x.dtype) for moment in moments]


def _moment(moment: Moment, found: dict[str, Tensor]) -> Tensor:
    if moment.name not in SPREADS:
        return found[moment.name]
    mean, squares = found["mean"], found["squares"]
    variance = (squares.detach() if moment.semi_grad else squares) - mean * mean
    if moment.name == "var":
        return variance
    deviation = variance.clamp(min=LEAST_VARIANCE).sqrt()
    return deviation.masked_fill(deviation <= math.sqrt(LEAST_VARIANCE), 0.0)
