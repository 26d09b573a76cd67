"""Registration of this library's result types for :func:`torch.export.save`."""

from __future__ import annotations

from typing import Any

from torch.utils import _pytree as pytree


def exportable(cls: Any) -> Any:
    """Register a named tuple, so that exported programs that return it can be saved and loaded."""
    pytree._register_namedtuple(cls, serialized_type_name=f"{cls.__module__}.{cls.__qualname__}")
    return cls
