"""What a bench is made of: works, whose rows are stored as soon as each is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Row = dict[str, Any]
Tell = Callable[[str], None]


def tell_nobody(text: str) -> None:
    """Take what is told of progress where nobody looks."""


class Work(NamedTuple):
    """A piece of a bench.

    Attributes:
        name: What it is called in the file of rows, where a resumed run finds it.
        run: Returns the rows.
        data: The TU data set that it needs, if any.
    """

    name: str
    run: Callable[[], list[Row]]
    data: str | None = None
