"""Configuration of ``pytest --doctest-modules --pyargs pyg_diffpool``, also when installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

# Modules whose examples need optional packages.
NEEDS = {
    "pyg_diffpool.visualize.drawing": ("networkx", "scipy"),
    "pyg_diffpool.visualize.figures": ("matplotlib",),
    "pyg_diffpool.visualize.hierarchy": ("networkx", "scipy"),
    "pyg_diffpool.visualize.hulls": ("scipy",),
    "pyg_diffpool.visualize.layout": ("networkx", "scipy"),
    "pyg_diffpool.visualize.plot_assignment": ("matplotlib",),
    "pyg_diffpool.visualize.plot_hierarchy": ("matplotlib", "networkx", "scipy"),
    "pyg_diffpool.visualize.plot_training": ("matplotlib",),
}

# Test collection imports every module; these require Triton and have no examples.
collect_ignore_glob = [] if find_spec("triton") else ["ops/backends/triton/*programs.py"]


def pytest_itemcollected(item: Any) -> None:
    """Skip an example whose optional package is not installed."""
    # Imported here, so that all modules can be imported without pytest.
    import pytest

    example = getattr(item, "dtest", None)
    module = "" if example is None else str(example.globs.get("__name__"))
    missing = [package for package in NEEDS.get(module, ()) if find_spec(package) is None]
    if missing:
        item.add_marker(pytest.mark.skip(reason=f"{', '.join(missing)} not installed"))
