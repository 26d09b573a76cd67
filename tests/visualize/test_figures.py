"""Axes to draw on: the caller's, or new ones in rows."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from pyg_diffpool.visualize.figures import axes_for


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("count", "columns", "rows_and_columns"),
    [(1, None, (1, 1)), (3, None, (1, 3)), (5, 2, (3, 2)), (2, 4, (1, 2)), (4, 2, (2, 2))],
)
def test_new_axes_stand_in_rows(count, columns, rows_and_columns):
    panels = axes_for(None, count, (3.0, 2.0), columns=columns)
    rows, across = rows_and_columns
    assert panels.shape == (count,)
    figure = panels[0].figure
    assert figure.axes == list(panels)
    assert tuple(figure.get_size_inches()) == (3.0 * across, 2.0 * rows)
    grid = panels[0].get_gridspec()
    assert (grid.nrows, grid.ncols) == rows_and_columns
    assert [panel.get_subplotspec().num1 for panel in panels] == list(range(count))


def test_columns_may_differ_in_width():
    panels = axes_for(None, 2, (3, 3), width_ratios=[1.0, 2.0])
    assert list(panels[0].get_gridspec().get_width_ratios()) == [1.0, 2.0]


def test_the_callers_axes_come_back_in_their_order():
    grid = Figure().subplots(2, 2)
    for given in (grid, list(grid.flat), tuple(grid.flat)):
        assert list(axes_for(given, 4, (3, 3))) == list(grid.flat)
    assert axes_for(grid[0, 0], 1, (3, 3))[0] is grid[0, 0]
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("axes", "count", "error", "message"),
    [
        ("axes", 1, TypeError, "axes: expected Matplotlib's Axes, got str"),
        (Figure(), 1, TypeError, "axes: expected Matplotlib's Axes, got Figure"),
        ([Figure().subplots(), None], 2, TypeError, "axes: .* got NoneType"),
        (Figure().subplots(1, 2), 3, ValueError, "axes: expected 3, one for each panel, got 2"),
        (np.empty(0, dtype=object), 1, ValueError, "axes: expected 1, .* got 0"),
    ],
)
def test_what_are_no_axes(axes, count, error, message):
    with pytest.raises(error, match=message):
        axes_for(axes, count, (3, 3))
