"""Lets docstrings refer to public names without their module."""

from _collections import _tuplegetter  # type: ignore[import-not-found]
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

PACKAGES = ("nn", "ops", "models", "datasets", "loader", "visualize")


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.Element
) -> nodes.Element | None:
    """Resolve a class, method or function by its name in the public packages."""
    if node.get("refdomain") != "py":
        return None
    domain, target = env.get_domain("py"), node["reftarget"].removeprefix("pyg_diffpool.")
    for package in PACKAGES:
        name = f"pyg_diffpool.{package}.{target}"
        if name in domain.objects:
            node["reftarget"] = name
            return domain.resolve_xref(
                env, node["refdoc"], app.builder, node["reftype"], name, node, text
            )
    return None


def skip(
    app: Sphinx, what: str, name: str, member: Any, skipped: bool, options: Any
) -> bool | None:
    """Leave out the fields of named tuples, which their class's docstring describes."""
    return True if isinstance(member, _tuplegetter) else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("missing-reference", resolve)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
