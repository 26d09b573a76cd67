"""Engines: one file each, found by its place, which ``--engine`` names.

Each module directly in this package is an engine, and the first line of its docstring describes it.
It has ``OPTIONS``, its own options with a description each, or None where it takes any; and
``make(request) -> Engine`` (:mod:`benchmarks.runs.engine`). Its package is installed by the extra
of the engine's name, and imported with the module.
"""

import importlib
import pkgutil
from collections.abc import Sequence

from benchmarks.runs.engine import Engine, EngineRequest
from benchmarks.spec.errors import UsageError, unknown_name

LOCAL = "local"


def engine_names() -> tuple[str, ...]:
    """Return the names of all engines, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def make_engine(name: str, request: EngineRequest) -> Engine:
    """Return the engine of a name.

    Raises:
        UsageError: If there is no such engine, or it cannot do what is asked.
        ModuleNotFoundError: If its package is not installed.
    """
    if name not in engine_names():
        raise unknown_name("engine", name, engine_names())
    module = importlib.import_module(f"{__name__}.{name}")
    for option in request.options:
        if module.OPTIONS is not None and option not in module.OPTIONS:
            raise unknown_name(f"option of engine {name}", option, module.OPTIONS)
    engine: Engine = module.make(request)
    return engine


def parse_options(pairs: Sequence[str]) -> dict[str, str]:
    """Return ``key=value`` texts as a mapping."""
    options = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key.strip():
            raise UsageError(f"--engine-option: expected key=value, got {pair!r}")
        options[key.strip()] = value.strip()
    return options
