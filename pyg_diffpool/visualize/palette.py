"""Colours that remain distinguishable with colour blindness."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence

# Taken from Petroff (arXiv:2107.02270), Tol's "vibrant" and "muted" schemes and Okabe and Ito's.
# These ten are the furthest apart, for normal vision and for dichromats (see the test).
PALETTE = (
    "#1845fb", "#ffa90e", "#009e73", "#c849a9", "#bd1f01",
    "#99ddff", "#771155", "#ddcc77", "#832db6", "#ee7733",
)  # fmt: skip
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")  # Matplotlib markers
PALEST = 0.2  # fraction of the colour that is left at certainty 0
NEUTRAL = "#9a9a9a"  # colour of clusters that are not in use


def cluster_colors(clusters: Sequence[int], own: Mapping[int, str] | None = None) -> list[str]:
    """Return a colour for each cluster.

    Any two of the palette's ten colours differ by at least 20 in CIELAB, for normal vision and
    under protanopia, deuteranopia and tritanopia. From the eleventh cluster on, colours repeat with
    different :func:`cluster_marks`, so that pairs of colour and marker are unique for up to 80
    clusters.

    Args:
        clusters: Indices of the clusters, the most important first.
        own: Custom colours of some clusters as ``"#rrggbb"``. The others take the remaining colours
            of the palette. (default: :obj:`None`)

    Raises:
        TypeError: If :obj:`own` is not a mapping.
        ValueError: If a custom colour is not written as ``"#rrggbb"``.

    Example:
        >>> cluster_colors([7, 3])
        ['#1845fb', '#ffa90e']
        >>> cluster_colors([7, 3], own={3: "#1845fb"})
        ['#ffa90e', '#1845fb']
    """
    own = {} if own is None else own
    if not isinstance(own, Mapping):
        raise TypeError(
            f"colors: expected a mapping from numbers of clusters to '#rrggbb', "
            f"got {type(own).__name__}"
        )
    for color in own.values():
        linear_rgb(color)
    taken = {own[cluster] for cluster in clusters if cluster in own}
    free = itertools.cycle([color for color in PALETTE if color not in taken] or PALETTE)
    return [own[cluster] if cluster in own else next(free) for cluster in clusters]


def cluster_marks(colors: Sequence[str]) -> list[str]:
    """Return a Matplotlib marker for each colour: a circle, or another one if the colour repeats.

    Args:
        colors: See :func:`cluster_colors`.

    Example:
        >>> cluster_marks(["#1845fb", "#ffa90e", "#1845fb"])
        ['o', 'o', 's']
    """
    seen: Counter[str] = Counter()
    marks = []
    for color in colors:
        marks.append(MARKS[seen[color] % len(MARKS)])
        seen[color] += 1
    return marks


def ink(color: str) -> str:
    """Return black or white, whichever has more contrast with a colour (WCAG 2.1).

    Args:
        color: Colour as ``"#rrggbb"``.

    Example:
        >>> ink("#1845fb"), ink("#ffa90e")
        ('#ffffff', '#000000')
    """
    # Contrast to black, (L + 0.05) / 0.05, equals that to white, 1.05 / (L + 0.05), at L = 0.179.
    return "#000000" if luminance(color) > 0.179 else "#ffffff"


def paled(color: str, certainty: float) -> str:
    """Return a colour mixed with white: unchanged at certainty 1, a fifth of it at certainty 0.

    Args:
        color: Colour as :obj:`"#rrggbb"`.
        certainty: Number between 0 and 1.

    Example:
        >>> paled("#1845fb", 1.0), paled("#1845fb", 0.5)
        ('#1845fb', '#748ffd')
    """
    share = PALEST + (1 - PALEST) * certainty
    channels = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{round(255 + share * (channel - 255)):02x}" for channel in channels)


def luminance(color: str) -> float:
    """Return the relative luminance of an sRGB colour, 0 for black and 1 for white.

    Args:
        color: Colour as ``"#rrggbb"``.

    Example:
        >>> luminance("#ffffff")
        1.0
    """
    red, green, blue = linear_rgb(color)
    return round(0.2126 * red + 0.7152 * green + 0.0722 * blue, 12)


def linear_rgb(color: str) -> Sequence[float]:
    """Return the linear channels of an sRGB colour, from 0 to 1.

    Args:
        color: Colour as ``"#rrggbb"``.

    Raises:
        ValueError: If :obj:`color` is not written as ``"#rrggbb"``.

    Example:
        >>> linear_rgb("#ff0000")
        (1.0, 0.0, 0.0)
    """
    if not isinstance(color, str) or not re.fullmatch("#[0-9a-fA-F]{6}", color):
        raise ValueError(f"color: expected '#rrggbb', got {color!r}")
    parts = (value / 255 for value in bytes.fromhex(color[1:]))
    return tuple(
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
