"""The folders that data are read from and kept in, and the lock of what processes share there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from benchmarks.spec.errors import UsageError

DATA_VARIABLE = "PYG_DIFFPOOL_DATA"
CACHE_VARIABLE = "PYG_DIFFPOOL_CACHE"


def cache_folder() -> Path:
    """Return the folder of processed data, ``$PYG_DIFFPOOL_CACHE`` or one in ``~/.cache``."""
    root = os.environ.get(CACHE_VARIABLE) or "~/.cache/pyg_diffpool"
    try:
        folder = Path(root).expanduser()
        file = next((path for path in (folder, *folder.absolute().parents) if path.is_file()), None)
    except (OSError, RuntimeError) as error:  # Too long a name, or no home of that user's.
        what = getattr(error, "strerror", None) or error
        raise UsageError(f"${CACHE_VARIABLE}: expected a folder, {root[:80]}: {what}") from error
    if file is not None:
        raise UsageError(f"${CACHE_VARIABLE}: expected a folder, got {folder}: {file} is a file")
    return folder


@contextmanager
def exclusive(path: Path) -> Iterator[bool]:
    """Hold a lock; the system frees it when the process ends, however it ends.

    Yields whether it is held: there is none in a folder that cannot be written.
    """
    lock = FileLock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError:  # A read-only cache that is already filled needs no lock.
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
