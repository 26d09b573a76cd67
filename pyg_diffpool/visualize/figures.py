"""Axes to draw on: the caller's or those of a new figure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyg_diffpool.visualize.requirements import require


def axes_for(
    axes: Any,
    count: int,
    panel: tuple[float, float],
    *,
    columns: int | None = None,
    width_ratios: list[float] | None = None,
) -> NDArray[Any]:
    """Validate the caller's axes, or create those of a new figure.

    New figures are created by pyplot, so that notebooks show them.

    Args:
        axes: Axes, a sequence or array of axes, or None.
        count: Number of axes needed.
        panel: Mean width and height of a new figure's panels in inches.
        columns: Maximum number of panels per row. (default: :obj:`None`, all in one row)
        width_ratios: Width ratios of the columns. (default: :obj:`None`, all equal)

    Raises:
        ImportError: If Matplotlib is not installed.
        TypeError: If :obj:`axes` holds anything other than Matplotlib axes.
        ValueError: If the number of axes differs from :obj:`count`.

    Example:
        >>> from matplotlib.figure import Figure
        >>> axes_for(Figure().subplots(2, 2), 4, panel=(3, 3)).shape
        (4,)
    """
    panels = np.empty(count, dtype=object)
    if axes is None:
        columns = min(columns or count, count)
        rows = -(-count // columns)
        _, grid = require("matplotlib.pyplot").subplots(
            rows,
            columns,
            squeeze=False,
            layout="constrained",
            figsize=(panel[0] * columns, panel[1] * rows),
            width_ratios=width_ratios,
        )
        panels[:] = grid.flat[:count]
        for left_over in grid.flat[count:]:
            left_over.remove()
        return panels
    kind = require("matplotlib.axes").Axes
    given = np.asarray(axes, dtype=object).ravel()
    for one in given:
        if not isinstance(one, kind):
            raise TypeError(f"axes: expected Matplotlib's Axes, got {type(one).__name__}")
    if len(given) != count:
        raise ValueError(f"axes: expected {count}, one for each panel, got {len(given)}")
    panels[:] = given
    return panels
