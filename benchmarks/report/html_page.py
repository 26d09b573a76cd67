"""The page: a template with style, scripts, Plotly and data inside, so that it loads nothing."""

from __future__ import annotations

import json
from importlib import resources
from string import Template
from typing import Any

from benchmarks.spec.errors import UsageError

STYLES = ("theme", "layout", "table", "explorer")
SCRIPTS = (
    "dom",
    "theme",
    "plot",
    "provenance",
    "table",
    "curve_panels",
    "curves",
    "hierarchy",
    "hulls",
    "level_plot",
    "cluster_list",
    "explorer",
    "picture",
    "main",
)
"""Files of the folder ``page``, in the order in which they are joined."""


def page_html(payload: dict[str, Any]) -> str:
    """Return the whole page.

    Args:
        payload: What it shows, as JSON-ready values.
    """
    return Template(_read("index.html")).substitute(
        style="\n".join(_read(f"{name}.css") for name in STYLES),
        plotly=_inline_script(plotly_script()),
        data=data_json(payload),
        script=_inline_script("\n".join(_read(f"{name}.js") for name in SCRIPTS)),
    )


def data_json(payload: dict[str, Any]) -> str:
    """Return JSON that may stand in a script element: no ``<`` can end it or open a comment."""
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")


def plotly_script() -> str:
    """Return the source of Plotly's JavaScript library, which the Python package carries.

    Raises:
        UsageError: If that package is missing.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise UsageError('report: needs plotly, pip install "pyg-diffpool[benchmark]"') from error
    source: str = get_plotlyjs()
    return source


def _inline_script(source: str) -> str:
    """Keep a script element open at texts that would end it; in a string they mean the same."""
    return source.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _read(name: str) -> str:
    return (resources.files("benchmarks.report") / "page" / name).read_text(encoding="utf-8")
