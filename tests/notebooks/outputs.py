"""What a cell shows, as far as two runs of it agree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

_RUN_ID = re.compile(r"-[0-9a-f]{8}\b")
_NUMBER = re.compile(r"[-+−]?\d[\d,:]*(\.\d+)?(e[-+]?\d+)?|-:--:--")
_SPACING = re.compile(r"[\s━]+")


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def pictures(cell: NotebookNode) -> int:
    """Return how many pictures a cell shows."""
    return sum("image/png" in output.get("data", {}) for output in cell.outputs)


def text(cell: NotebookNode) -> str:
    """Return what a cell prints or returns, apart from pictures."""
    return "".join(_text(output) for output in cell.outputs)


def _text(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text)
    data = output.get("data", {})
    if "image/png" in data:
        return ""
    return str(data.get("text/markdown", data.get("text/plain", "")))


def masked(printed: str) -> str:
    """Return a text without its numbers, ids of runs and spacing.

    Trained networks, times and rounding differ from machine to machine; words do not.
    """
    return _SPACING.sub(" ", _NUMBER.sub("#", _RUN_ID.sub("-#", printed))).strip()
