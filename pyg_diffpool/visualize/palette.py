"""Colours that survive colour blindness."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence

# Taken from Petroff (arXiv:2107.02270), Tol's "vibrant" and "muted" schemes and Okabe and Ito's.
# These ten are the furthest apart, for normal sight and for dichromats (see the test).
PALETTE = (
    "#1845fb", "#ffa90e", "#009e73", "#c849a9", "#bd1f01",
    "#99ddff", "#771155", "#ddcc77", "#832db6", "#ee7733",
)  # fmt: skip
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")  # Matplotlib's markers
PALEST = 0.2  # share of a colour that is left of it where nothing is certain
NEUTRAL = "#9a9a9a"  # what belongs to no shown cluster


def cluster_colors(clusters: Sequence[int], own: Mapping[int, str] | None = None) -> list[str]:
    """Return a colour for each cluster.

    Any two of the palette's ten colours differ by at least 20 in CIELAB, for normal sight and under
    protanopia, deuteranopia and tritanopia. From the eleventh cluster on colours come again; then
    :func:`cluster_marks` differ, so that colour and mark together stay unique up to 80 clusters.

    Args:
        clusters: Numbers of the clusters, the most important first.
        own: Colours, as ``"#rrggbb"``, that some clusters must have. The others take those of the
            palette that are left. (default: :obj:`None`)

    Raises:
        TypeError: If own colours are no mapping.
        ValueError: If an own colour is written in another way.

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
    """Return a Matplotlib marker for each colour: circles, and another one where it comes again.

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
    """Return black or white, whichever reads better on a colour (WCAG 2.1's contrast).

    Args:
        color: As ``"#rrggbb"``.

    Example:
        >>> ink("#1845fb"), ink("#ffa90e")
        ('#ffffff', '#000000')
    """
    # Contrast to black, (L + 0.05) / 0.05, equals that to white, 1.05 / (L + 0.05), at L = 0.179.
    return "#000000" if luminance(color) > 0.179 else "#ffffff"


def paled(color: str, certainty: float) -> str:
    """Return a colour mixed with white: as it is at certainty 1, a fifth of it at 0.

    Args:
        color: As :obj:`"#rrggbb"`.
        certainty: Between 0 and 1.

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
        color: As ``"#rrggbb"``.

    Example:
        >>> luminance("#ffffff")
        1.0
    """
    red, green, blue = linear_rgb(color)
    return round(0.2126 * red + 0.7152 * green + 0.0722 * blue, 12)


def linear_rgb(color: str) -> Sequence[float]:
    """Return the linear parts of an sRGB colour, from 0 to 1.

    Args:
        color: As ``"#rrggbb"``.

    Raises:
        ValueError: If it is written in another way.

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
