"""A rich console that prints text as it is: names and messages of the user's are no markup."""

from typing import Any

from rich.console import Console, RenderableType
from rich.status import Status
from rich.text import Text


class PlainConsole(Console):
    """Rich's console without its markup and emoji codes, in lines, tables and statuses.

    A path ``runs/[x]`` would lose its ``[x]`` to markup, and a method ``a:smile:`` would become a
    face. Style is given by ``style=`` or by :class:`rich.text.Text`.

    Args:
        **options: As in :class:`rich.console.Console`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def status(self, status: RenderableType, **options: Any) -> Status:
        """Return a status with a spinner, whose text is as plain."""
        return _PlainStatus(_plain(status), console=self, **options)


class _PlainStatus(Status):
    """Rich reads the text of a status as markup whatever the console says."""

    def update(self, status: RenderableType | None = None, **options: Any) -> None:
        super().update(None if status is None else _plain(status), **options)


def _plain(status: RenderableType) -> RenderableType:
    return Text(status) if isinstance(status, str) else status


def tell(text: str) -> None:
    """Print a line on stderr, where no console is at hand."""
    PlainConsole(stderr=True).print(text, soft_wrap=True, highlight=False)
