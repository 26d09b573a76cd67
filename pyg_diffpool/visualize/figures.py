"""Axes to draw on: the caller's, or those of a new figure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyg_diffpool.visualize.requirements import require


def axes_for(
    axes: Any, count: int, panel: tuple[float, float], width_ratios: list[float] | None = None
) -> NDArray[Any]:
    """Return the caller's axes, checked, or those of a new figure with all panels in a row.

    New figures are pyplot's, so that notebooks show them.

    Args:
        axes: Axes, a sequence or an array of them, or None.
        count: How many are needed.
        panel: Mean width and height of a new figure's panels in inches.
        width_ratios: Of a new figure's panels. (default: :obj:`None`, all equal)

    Raises:
        ImportError: If Matplotlib is not installed.
        TypeError: If there is anything else than axes.
        ValueError: If there are more or fewer.

    Example:
        >>> from matplotlib.figure import Figure
        >>> axes_for(Figure().subplots(2, 2), 4, panel=(3, 3)).shape
        (4,)
    """
    if axes is None:
        pyplot = require("matplotlib.pyplot")
        _, new = pyplot.subplots(
            1,
            count,
            squeeze=False,
            layout="constrained",
            figsize=(panel[0] * count, panel[1]),
            width_ratios=width_ratios,
        )
        return np.asarray(new).reshape(-1)
    given = np.empty(0, dtype=object)
    for one in np.asarray(axes, dtype=object).reshape(-1):
        if not isinstance(one, require("matplotlib.axes").Axes):
            raise TypeError(f"axes: expected Matplotlib's Axes, got {type(one).__name__}")
        given = np.append(given, one)
    if len(given) != count:
        raise ValueError(f"axes: expected {count}, one for each panel, got {len(given)}")
    return given
