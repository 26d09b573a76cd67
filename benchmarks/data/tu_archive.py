"""The zip of a TU data set: its text files are unpacked by their names, and nothing else is."""

from __future__ import annotations

import lzma
import shutil
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from urllib.request import url2pathname

import fsspec

from benchmarks.spec.errors import UsageError

REQUIRED = ("A", "graph_indicator")
OPTIONAL = (
    "graph_labels",
    "graph_attributes",
    "node_labels",
    "node_attributes",
    "edge_labels",
    "edge_attributes",
)

LARGEST_UNPACKED = 4 * 2**30
"""Largest number of bytes of a data set's text files: the largest sets of TU have a tenth of it."""

_CHUNK = 2**20
# The ways in which a zip may be damaged; one that needs a password raises a RuntimeError.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


def file_names(name: str) -> list[str]:
    """Return the names of a data set's text files; those that every set has come last."""
    return [f"{name}_{kind}.txt" for kind in (*OPTIONAL, *REQUIRED)]


def local_path(address: str) -> Path | None:
    """Return the path of a zip on this machine, or None for one to be fetched."""
    if address.startswith("file://"):
        return Path(url2pathname(urlsplit(address).path))
    return None if "://" in address else Path(address).expanduser()


def fetch(address: str, folder: Path) -> Path:
    """Download a zip into a folder."""
    target = folder / "archive.zip"
    filesystem, path = fsspec.core.url_to_fs(address)
    filesystem.get_file(path, str(target))
    return target


def unpack(archive: Path, name: str, folder: Path, address: str) -> list[Path]:
    """Unpack a data set's text files from one folder of its zip.

    That is the folder ``NAME``, as in the published zips, or the only other one that holds
    ``NAME_A.txt`` and ``NAME_graph_indicator.txt`` without lying in a deeper level than others.
    Files are written under their names alone, wherever an entry points.

    Args:
        archive: The zip.
        name: Name of the data set.
        folder: Where the files go.
        address: Where the zip is from, for messages.

    Returns:
        The files; those that every set has come last.

    Raises:
        UsageError: If the zip is damaged, holds no such folder, several, or too much.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            entries = _chosen(content, name, address)
            _check_entries(entries, folder, address)
            for file_name, entry in entries.items():
                with content.open(entry) as source, (folder / file_name).open("wb") as target:
                    shutil.copyfileobj(source, target, _CHUNK)
    except _DAMAGE as error:
        raise UsageError(f"{address}: expected a whole zip, got one that fails: {error}") from error
    return [folder / file_name for file_name in entries]


def _chosen(content: zipfile.ZipFile, name: str, address: str) -> dict[str, zipfile.ZipInfo]:
    """Return the entries of the one folder to read, by their names."""
    wanted = file_names(name)
    required = {f"{name}_{kind}.txt" for kind in REQUIRED}
    folders: dict[PurePosixPath, dict[str, zipfile.ZipInfo]] = {}
    for entry in content.infolist():
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.name not in wanted or ".." in path.parts or path.is_absolute() or entry.is_dir():
            continue
        if path.name in folders.setdefault(path.parent, {}):
            raise UsageError(f"{address}: expected {path} once, got it twice")
        folders[path.parent][path.name] = entry
    whole = {folder: files for folder, files in folders.items() if files.keys() >= required}
    if not whole:
        found = sorted({PurePosixPath(entry.filename).name for entry in content.infolist()})
        raise UsageError(
            f"data set '{name}': expected {sorted(required)} in one folder of {address}, found "
            f"{found[:10]}"
        )
    published = PurePosixPath(name)
    level = min(len(folder.parts) for folder in whole)
    nearest = [folder for folder in whole if len(folder.parts) == level]
    if published not in whole and len(nearest) > 1:
        places = " and ".join(f"{folder}/" for folder in sorted(nearest))
        raise UsageError(f"{address}: expected one copy of the data set, got those in {places}")
    files = whole[published if published in whole else nearest[0]]
    return {file_name: files[file_name] for file_name in wanted if file_name in files}


def _check_entries(entries: dict[str, zipfile.ZipInfo], folder: Path, address: str) -> None:
    for file_name, entry in entries.items():
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise UsageError(f"{address}: expected {file_name} to be a file, got a link")
    total = sum(entry.file_size for entry in entries.values())
    if total > LARGEST_UNPACKED:
        raise UsageError(
            f"{address}: expected at most {LARGEST_UNPACKED / 2**30:.0f} GiB of text files, got "
            f"{total / 2**30:.1f} GiB"
        )
    free = shutil.disk_usage(folder).free
    if total > free:
        raise UsageError(
            f"{address}: its text files need {total / 2**30:.1f} GiB, and {folder} has "
            f"{free / 2**30:.1f} GiB left"
        )
