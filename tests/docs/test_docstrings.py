"""Every public name of the package has a docstring with an example, which pytest runs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pyg_diffpool
from tests.docs.pages import ROOT

PACKAGE = Path(pyg_diffpool.__path__[0])

# What calling an instance runs; the example of a module does call one.
RUN_BY_CALLS = ("forward", "message")


def public_modules() -> list[str]:
    """Return the package and what lies in it with an ``__all__``."""
    found = [pyg_diffpool.__name__]
    for module in pkgutil.iter_modules(pyg_diffpool.__path__, f"{pyg_diffpool.__name__}."):
        if hasattr(importlib.import_module(module.name), "__all__"):
            found.append(module.name)
    return found


def public_names(module: str) -> list[str]:
    """Return the names in the ``__all__`` of a module."""
    return list(importlib.import_module(module).__all__)


def without_example(name: str, value: Any, package: Path = PACKAGE) -> Iterator[str]:
    """Yield a class or a function, and methods of a class, that no example shows."""
    text = inspect.getdoc(value) or ""
    if ">>>" not in text:
        yield name
    if not inspect.isclass(value):
        return
    example = "\n".join(re.findall(r"^\s*(?:>>>|\.\.\.) .*", text, re.MULTILINE))
    for key, method in own_methods(value, package):
        called = re.search(rf"\.{key}\b", example)
        if not (">>>" in (inspect.getdoc(method) or "") or called or key in RUN_BY_CALLS):
            yield f"{name}.{key}"


def own_methods(value: type, package: Path) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties that a class defines in the package."""
    for key, member in vars(value).items():
        function = getattr(member, "__func__", getattr(member, "fget", member))
        # PyG writes methods of message passing classes when they are made, in files elsewhere.
        if not key.startswith("_") and inspect.isfunction(function):
            written_in = Path(inspect.unwrap(function).__code__.co_filename)
            if written_in.is_relative_to(package):
                yield key, member


@pytest.mark.parametrize("module", public_modules())
def test_every_public_name_has_an_example(module: str) -> None:
    missing = [
        entry
        for name in public_names(module)
        for entry in without_example(name, getattr(importlib.import_module(module), name))
    ]
    assert missing == []


def test_all_of_the_package_is_in_the_reference() -> None:
    reference = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^   (pyg_diffpool\.\w+)$", reference, re.MULTILINE)
    assert sorted(listed) == sorted(public_modules()[1:])
    below = {name for module in listed for name in public_names(module)}
    assert set(pyg_diffpool.__all__) <= below


class Undocumented:
    """A class whose example calls one of two methods.

    Example:
        >>> Undocumented().shown()
    """

    def shown(self) -> None:
        """Do nothing."""

    def hidden(self) -> None:
        """Do nothing."""


def test_names_without_an_example_are_found() -> None:
    assert list(without_example("Undocumented", Undocumented, Path(__file__).parent)) == [
        "Undocumented.hidden"
    ]
    assert list(without_example("shown", Undocumented.shown)) == ["shown"]
