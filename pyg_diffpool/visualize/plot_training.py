"""Training curves: score, each loss term, clusters in use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from pyg_diffpool.visualize.figures import axes_for
from pyg_diffpool.visualize.palette import PALETTE
from pyg_diffpool.visualize.poolings import check_number

PANEL = (4.0, 2.9)  # inches
COLUMNS = 3
STYLES = ("-", "--", ":", "-.")
MARKED = 60  # maximum number of epochs that are marked by dots


class _Panel(NamedTuple):
    """A panel: which curves it shows, and their labels."""

    title: str
    names: str
    label: str


# In order; "{0}" is the text matched by the pattern's group.
PANELS = (
    _Panel("{0}, validation", r"validation_(?!loss$)(.+)", "{0}"),
    _Panel("cross-entropy", r"(train)_cross_entropy|(validation)_loss", "{0}"),
    _Panel("loss with side objectives", r"(train)_loss", "{0}"),
    _Panel("link objective", r"link_(\d+)", "level {0}"),
    _Panel("entropy objective", r"entropy_(\d+)", "level {0}"),
    _Panel("effective number of clusters", r"effective_clusters_(\d+)", "level {0}"),
)
KNOWN = (
    "validation_<metric>, validation_loss, train_cross_entropy, train_loss, link_<level>, "
    "entropy_<level> or effective_clusters_<level>"
)


def plot_training(
    curves: Mapping[str, Sequence[float]], *, axes: Any = None, best_epoch: int | None = None
) -> NDArray[Any]:
    r"""Draw the curves of a training run, one panel per quantity.

    The panels are, in this order (a panel without curves is left out):

    - the validation score, :obj:`validation_<metric>`, for example :obj:`validation_accuracy`;
    - :obj:`train_cross_entropy` and :obj:`validation_loss`;
    - :obj:`train_loss`: cross-entropy and weighted side objectives;
    - the link objective of each level, :obj:`link_0`, :obj:`link_1`, ...;
    - the entropy of each level, :obj:`entropy_0`, ...;
    - the effective number of clusters of each level, :obj:`effective_clusters_0`, ...: :math:`\exp
      H(\bar{\mathbf{s}})` of the mean assignment, averaged over graphs. A value of one means that
      the assignment has collapsed to a single cluster.

    These are the names under :obj:`"curves"` in the results that :obj:`python -m benchmarks run`
    stores.

    Args:
        curves: One value per epoch, by name.
        axes: Matplotlib axes to draw on, one per panel. (default: :obj:`None`, those of a new
            figure, which is :obj:`axes[0].figure` of the returned array)
        best_epoch: Epoch to mark, counted from 1. (default: :obj:`None`)

    Returns:
        Array of the axes.

    Raises:
        ImportError: If Matplotlib is not installed (:obj:`pip install "pyg-diffpool[visualize]"`).
        TypeError: If :obj:`curves` is not a mapping of sequences, or :obj:`best_epoch` is not an
            integer.
        ValueError: If there is no curve, a curve is empty or has an unknown name,
            :obj:`best_epoch` is out of range, or the number of axes differs from the number of
            panels.

    Example:
        >>> from matplotlib.figure import Figure
        >>> curves = {"validation_accuracy": [0.4, 0.6], "link_0": [0.5, 0.3], "link_1": [0.2, 0.1]}
        >>> axes = plot_training(curves, axes=Figure().subplots(1, 2), best_epoch=2)
        >>> [ax.get_title() for ax in axes]
        ['accuracy, validation', 'link objective']
    """
    if not isinstance(curves, Mapping):
        raise TypeError(f"curves: expected a mapping, got {type(curves).__name__}")
    if not curves:
        raise ValueError("curves: expected at least one curve, got none")
    shown: dict[tuple[int, str], dict[str, Sequence[float]]] = {}
    for name, values in curves.items():
        if not hasattr(values, "__len__"):
            raise TypeError(
                f"curves: expected a value for each epoch, {name!r} is a {type(values).__name__}"
            )
        if len(values) == 0:
            raise ValueError(f"curves: expected a value for each epoch, {name!r} has none")
        place, title, label = _place(name)
        shown.setdefault((place, title), {})[label] = values
    epochs = max(len(values) for values in curves.values())
    if best_epoch is not None:
        check_number("best_epoch", best_epoch, 1, epochs)
    panels = axes_for(axes, len(shown), PANEL, columns=COLUMNS)
    for panel, ((_, title), lines) in zip(panels, sorted(shown.items()), strict=True):
        _draw(panel, lines, best_epoch)
        panel.set_title(title, fontsize=10)
    return panels


def _place(name: str) -> tuple[int, str, str]:
    """Return the position and title of a curve's panel, and the curve's label."""
    for place, panel in enumerate(PANELS):
        match = re.fullmatch(panel.names, name)
        if match is not None:
            [what] = [group for group in match.groups() if group is not None]
            what = what.replace("_", " ")
            return place, panel.title.format(what), panel.label.format(what)
    raise ValueError(f"curves: expected {KNOWN}, got {name!r}")


def _draw(panel: Any, lines: Mapping[str, Sequence[float]], best_epoch: int | None) -> None:
    for number, (label, values) in enumerate(sorted(lines.items())):
        panel.plot(
            range(1, len(values) + 1),
            [float(value) for value in values],
            label=label,
            # Line styles keep curves distinguishable in greyscale.
            color=PALETTE[number % len(PALETTE)],
            linestyle=STYLES[number % len(STYLES)],
            marker="." if len(values) <= MARKED else None,
            markersize=4,
            linewidth=1.4,
        )
    if best_epoch is not None:
        label = f"best epoch, {best_epoch}"
        panel.axvline(best_epoch, color="#555555", linestyle=":", linewidth=1.2, label=label)
    if len(lines) > 1 or best_epoch is not None:
        panel.legend(fontsize=8, frameon=False)
    panel.set_xlabel("epoch")
    panel.grid(True, color="#e5e5e5", linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)
    panel.xaxis.get_major_locator().set_params(integer=True)
