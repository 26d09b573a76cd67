"""Runs a notebook in a clean kernel, and gives it the form in which it is committed."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

FOLDER = Path(__file__).parents[2] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
DATA = "PYG_DIFFPOOL_DATA"
SECONDS_A_CELL = 300
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def missing_packages() -> list[str]:
    """Return which packages of the extra `notebooks` are not installed."""
    return [name for name in ("nbformat", "nbclient", "ipykernel") if find_spec(name) is None]


def read(path: Path) -> NotebookNode:
    import nbformat

    return nbformat.read(path, as_version=4)


def execute(path: Path, folder: Path, data: str | None = None) -> NotebookNode:
    """Return a notebook with the outputs of a kernel of its own; the file stays as it is.

    Args:
        path: The notebook.
        folder: Working directory of the kernel; in Jupyter, the notebook's folder.
        data: Where the kernel finds TU data (``PYG_DIFFPOOL_DATA``); nowhere by default.
    """
    import nbclient
    import nbformat

    notebook = read(path)
    environment = {name: value for name, value in os.environ.items() if name != DATA}
    # Batches are small: threads would only wait for each other.
    environment["OMP_NUM_THREADS"] = "1"
    if data is not None:
        environment[DATA] = data
    client = nbclient.NotebookClient(
        notebook,
        timeout=SECONDS_A_CELL,
        resources={"metadata": {"path": str(folder)}},
        # They would differ with each run.
        record_timing=False,
    )
    client.execute(env=environment)
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook
