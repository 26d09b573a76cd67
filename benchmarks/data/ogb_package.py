"""Imports the optional package ogb, without the requests that it makes on import."""

import importlib
import sys
from typing import Any

from benchmarks.spec.errors import UsageError

_ASKS_PYPI = "outdated"


def import_ogb(module: str) -> Any:
    """Return a module of ogb.

    On import ogb asks PyPI for its newest version, through the package ``outdated`` and in threads
    that the end of the process waits for: minutes where the network drops requests. It goes without
    where ``outdated`` cannot be imported, which is what ``None`` in ``sys.modules`` brings about.

    Args:
        module: Full name of the module, such as ``"ogb.graphproppred"``.
    """
    modules: dict[str, Any] = sys.modules
    hidden = _ASKS_PYPI not in modules
    if hidden:
        modules[_ASKS_PYPI] = None
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise UsageError(
            f'OGB data sets need the package ogb, pip install "pyg-diffpool[ogb]" ({error})'
        ) from error
    finally:
        if hidden:
            del modules[_ASKS_PYPI]
