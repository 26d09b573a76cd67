"""The conventions by name. To add one, add a module here and an entry in the table."""

from __future__ import annotations

from typing import Any

from pyg_diffpool.ops.conventions.base import Convention
from pyg_diffpool.ops.conventions.paper import Paper
from pyg_diffpool.ops.conventions.pyg import PyG
from pyg_diffpool.ops.conventions.reference import Reference
from pyg_diffpool.ops.validation import check_choice, check_flag

__all__ = ["CONVENTIONS", "Convention", "PyG", "read_convention"]

CONVENTIONS: dict[str, type[Convention]] = {"paper": Paper, "reference": Reference, "pyg": PyG}
REDUCTIONS = ("mean", "sum", "none")
# The options of all conventions, with their defaults.
NOTHING_SAID: dict[str, Any] = {"scale": None, "normalize": True}


def read_convention(
    convention: str, *, scale: str | None = None, normalize: bool = True, reduction: str = "mean"
) -> Convention:
    """Validate a convention and its options, and return it.

    Raises:
        ValueError: If a name is unknown, or the convention does not have an option or a reduction.
    """
    check_choice("convention", convention, tuple(CONVENTIONS))
    check_choice("scale", scale, (None, "nodes"))
    check_choice("reduction", reduction, REDUCTIONS)
    check_flag("normalize", normalize)
    kind = CONVENTIONS[convention]
    if reduction not in kind.reductions:
        raise ValueError(
            f"reduction: expected 'mean' with convention={convention!r}, whose loss is that of "
            f"a whole batch, got {reduction!r}"
        )
    given = {"scale": scale, "normalize": normalize}
    for option, value in given.items():
        if option not in kind.options and value != NOTHING_SAID[option]:
            owners = [name for name, other in CONVENTIONS.items() if option in other.options]
            raise ValueError(
                f"{option}: expected {NOTHING_SAID[option]!r} with convention={convention!r}, as "
                f"it is an option of convention={' or '.join(map(repr, owners))}, got {value!r}"
            )
    return kind(**{option: given[option] for option in kind.options})
