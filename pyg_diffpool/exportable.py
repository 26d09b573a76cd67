"""What :func:`torch.export.save` must know of this library's result types."""

from __future__ import annotations

from typing import Any

from torch.utils import _pytree as pytree


def exportable(cls: Any) -> Any:
    """Let exported programs that return this named tuple be saved and loaded."""
    pytree._register_namedtuple(cls, serialized_type_name=f"{cls.__module__}.{cls.__qualname__}")
    return cls
