"""Import of optional packages on first use."""

from __future__ import annotations

import importlib
from typing import Any


def require(module: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: Full name, for example ``"matplotlib.figure"``.

    Raises:
        ImportError: If its package is not installed; the message names the extra that installs it.

    Example:
        >>> require("math").sqrt(4)
        2.0
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise ImportError(
            f'pyg_diffpool.visualize: needs {package}: pip install "pyg-diffpool[visualize]"'
        ) from error
