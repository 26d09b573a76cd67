"""Whether a folder or file can be written, asked before hours of work go into it."""

import os
from pathlib import Path

from benchmarks.spec.errors import UsageError


def check_folder(option: str, folder: Path) -> None:
    """Refuse a folder that is a file, lies below one, or cannot be written.

    Nothing is made: whatever the folders above lack is made when there is something to write.

    Args:
        option: What named the folder, such as ``"--out"``.
        folder: The folder.

    Raises:
        UsageError: If it cannot be made or written to.
    """
    try:
        nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    except OSError as error:
        raise UsageError(f"{option}: {error.strerror}: {str(folder)[:200]}") from error
    if not nearest.is_dir():
        raise UsageError(f"{option}: expected a folder, got {folder}: {nearest} is a file")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(f"{option}: expected a folder that can be written, {nearest} cannot")


def check_file(option: str, file: Path) -> None:
    """Refuse a file that is a folder, or whose folder cannot be written.

    Args:
        option: What named the file, such as ``"--out"``.
        file: The file; one that is there is replaced.

    Raises:
        UsageError: If it cannot be written.
    """
    check_folder(option, file.parent)
    if file.is_dir():
        raise UsageError(f"{option}: expected a file, {file} is a folder")
