"""Sources by the names of data sets; each module of :mod:`benchmarks.data.sources` is found there.

A data set that is made or read in a new way is a new file in that folder, with one subclass of
:class:`benchmarks.data.source.Source`; nothing else lists it.
"""

import importlib
import math
import pkgutil
from functools import cache, lru_cache

from torch_geometric.data import InMemoryDataset

from benchmarks.data import sources
from benchmarks.data.source import Source


@cache
def kinds() -> tuple[type[Source], ...]:
    """Return the subclasses in the folder of sources; those that answer to most names come first.

    Those are the ones with the shortest prefix, last the ones that know their names one by one.
    """
    found: list[type[Source]] = []
    for entry in pkgutil.iter_modules(sources.__path__, f"{sources.__name__}."):
        module = importlib.import_module(entry.name)
        found += [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, Source)
            and value.__module__ == module.__name__
        ]
    return tuple(
        sorted(found, key=lambda kind: math.inf if kind.PREFIX is None else len(kind.PREFIX))
    )


def listed_names() -> tuple[str, ...]:
    """Return the names that `list` shows: of the tables, of OGB's larger sets, and our own.

    `run` takes any other TU data set too, and any other of OGB's whose task is classification.
    """
    return tuple(name for kind in kinds() for name in kind.NAMES)


@lru_cache(maxsize=1)
def find_source(name: str) -> Source:
    """Return the source of a data set, the same one as long as no other is asked for.

    Records and worker processes know a data set by its name and ask here; all else is given the
    source, with the graphs that it has read.

    Raises:
        UsageError: If the name can be none.
    """
    for kind in reversed(kinds()):
        if name in kind.NAMES or (kind.PREFIX is not None and name.startswith(kind.PREFIX)):
            return kind(name)
    raise LookupError(f"no source answers to {name!r}")


def read_graphs(name: str) -> InMemoryDataset:
    """Return the graphs of a data set, for benches that ask for nothing else of it."""
    return find_source(name).graphs
