"""Files of the cache that one process makes and all others read."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from benchmarks.data.folders import exclusive
from benchmarks.records.plain_console import tell

T = TypeVar("T")


def made_once(path: Path, read: Callable[[], T | None], make: Callable[[], None]) -> T:
    """Return what a file holds, made first where it is missing or damaged; the latter is told.

    Processes that ask together wait for the first of them.

    Args:
        path: The file; its name says all that its content follows from.
        read: Returns the content, or None where the file is missing or damaged.
        make: Writes the file, whole or not at all.

    Raises:
        OSError: If the file cannot be read after it was written.
    """
    found = read()
    if found is not None:
        return found
    with exclusive(path.with_suffix(".lock")):
        found = read()
        if found is None:
            if path.exists():
                tell(f"{path} is damaged and made again")
            make()
            found = read()
    if found is None:
        raise OSError(f"{path}: differs from what has just been written")
    return found
