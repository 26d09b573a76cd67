"""TU data sets from a zip, read once into a cache that processes may share."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data.dataset import files_exist
from torch_geometric.datasets import TUDataset

from benchmarks.data.folders import CACHE_VARIABLE, DATA_VARIABLE, cache_folder, exclusive
from benchmarks.data.tu_archive import fetch, file_names, local_path, unpack
from benchmarks.data.tu_reader import read_tu_data
from benchmarks.records.provenance import file_digest
from benchmarks.records.store import save_atomically, to_json, write_atomically
from benchmarks.spec.errors import AbsentDataError, UsageError


def load_dataset(name: str, root: str | None = None) -> FastTUDataset:
    """Loads a TU data set with its continuous node attributes.

    Args:
        name: Name of the data set, for example ``"ENZYMES"``.
        root: Folder of the processed cache (default: ``$PYG_DIFFPOOL_CACHE``, else
            ``~/.cache/pyg_diffpool``).

    Raises:
        AbsentDataError: If there is no zip of the data set.
        UsageError: If its zip or its files cannot be read, or the cache cannot be written.
    """
    folder = cache_folder() if root is None else Path(root).expanduser()
    try:
        return FastTUDataset(str(folder), name, use_node_attr=True)
    except OSError as error:
        raise UsageError(
            f"data set '{name}' could not be unpacked in the cache {folder} ({error}): set "
            f"{CACHE_VARIABLE} to a folder that can be written"
        ) from error


def check_name(name: str) -> None:
    """Refuse what can be no name of a data set: it becomes part of paths and addresses."""
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise UsageError(f"data set: expected a name such as ENZYMES, got {name[:80]!r}")


class FastTUDataset(TUDataset):
    """PyG's ``TUDataset`` with a pandas reader, the same data and a cache safe to share.

    The zip comes from ``$PYG_DIFFPOOL_DATA`` (a folder, or a ``file://`` or ``http(s)://`` URL,
    that holds ``NAME.zip``), else from PyG's own address. Processes that start together wait for
    the first of them to fill the cache; one that is killed leaves no half-written file behind, and
    its scratch folder goes with the next use.

    ``archive.json`` beside ``raw`` says which zip was unpacked: another one in a folder, by its
    SHA-256, or another URL is unpacked anew. Processed files that are damaged are made again.

    Args:
        root: Folder of the cache.
        name: Name of the data set.
        *args: As in ``TUDataset``.
        **kwargs: As in ``TUDataset``.
    """

    def __init__(self, root: str, name: str, *args: Any, **kwargs: Any) -> None:
        check_name(name)
        with exclusive(Path(root) / f".{name}.lock") as held:
            self._alone = held
            super().__init__(root, name, *args, **kwargs)

    @property
    def _folder(self) -> Path:
        return Path(self.raw_dir).parent

    @property
    def _record(self) -> Path:
        return self._folder / f"archive{'_cleaned' if self.cleaned else ''}.json"

    def _address(self) -> str:
        source = os.environ.get(DATA_VARIABLE) or (self.cleaned_url if self.cleaned else self.url)
        return f"{source.rstrip('/')}/{self.name}.zip"

    def _download(self) -> None:
        if self._alone:  # Nobody else is at work: what is unfinished was left by killed processes.
            for scratch in self._folder.glob("download-*"):
                shutil.rmtree(scratch, ignore_errors=True)
            for file in Path(self.processed_dir).glob("*.tmp"):
                file.unlink(missing_ok=True)
        if files_exist(self.raw_paths) or files_exist(self.processed_paths):
            self._forget_other_archive()
        super()._download()

    def _forget_other_archive(self) -> None:
        """Empty the cache where it was not made from the zip that is asked for."""
        address, known = self._address(), _read_record(self._record)
        archive = local_path(address)
        if archive is None:
            # A URL is not fetched to be compared, and PyG's own address stands for any archive.
            asked = os.environ.get(DATA_VARIABLE)
            if not asked or known.get("archive", address) == address:
                return
        elif not archive.is_file() or known.get("sha256") == file_digest(archive):
            return
        if not os.access(self._folder, os.W_OK):
            if not known:  # Filled before archives were recorded, and not to be filled again.
                return
            raise UsageError(
                f"data set '{self.name}': {self._folder} holds another {self.name}.zip than "
                f"{address} and cannot be written; set {CACHE_VARIABLE} to another folder"
            )
        self._tell(f"unpacking {address} anew, {self._folder} is of {_described(known)}")
        # In this order, so that a kill leaves nothing that seems whole.
        self._record.unlink(missing_ok=True)
        shutil.rmtree(self.processed_dir, ignore_errors=True)
        self._remove_raw_files()

    def _remove_raw_files(self) -> None:
        for file_name in reversed(file_names(self.name)):
            (Path(self.raw_dir) / file_name).unlink(missing_ok=True)

    def download(self) -> None:
        """Fetches and unpacks the zip beside ``raw/``, then moves the files in one by one."""
        address = self._address()
        archive = local_path(address)
        if archive is not None and not archive.is_file():
            raise AbsentDataError(self._missing(address))
        scratch = Path(tempfile.mkdtemp(prefix="download-", dir=self._folder))
        try:
            if archive is None:
                self._tell(f"downloading {address}")
                try:
                    archive = fetch(address, scratch)
                except Exception as error:  # fsspec raises what its back ends raise.
                    raise AbsentDataError(f"{self._missing(address)} ({error})") from error
            record = {"archive": address, "sha256": file_digest(archive)}
            # PyG takes the data for complete once two of the files are there, so they come last.
            files = unpack(archive, self.name, scratch, address)
            self._remove_raw_files()
            for file in files:
                os.replace(file, Path(self.raw_dir) / file.name)
            write_atomically(self._record, to_json(record))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _missing(self, address: str) -> str:
        where = f"${DATA_VARIABLE}" if os.environ.get(DATA_VARIABLE) else "PyG's address"
        return (
            f"data set '{self.name}' could not be read from {address} ({where}): set "
            f"{DATA_VARIABLE} to a folder or URL that holds {self.name}.zip"
        )

    def _process(self) -> None:
        files = sorted(Path(self.processed_dir).glob("*.pt"))
        if files and not self.force_reload:
            try:
                for file in files:
                    self._check_processed(file)
            except Exception as error:  # Whatever torch.load and the checks make of damaged files.
                reason = str(error).partition("\n")[0]
                self._tell(f"making {self.processed_dir} again, which cannot be read: {reason}")
                shutil.rmtree(self.processed_dir)
        super()._process()

    def _check_processed(self, file: Path) -> None:
        """Raise an error if a processed file is not what :meth:`process` writes."""
        # Transforms may put objects of their own into the graphs.
        plain = self.pre_transform is None and self.pre_filter is None
        content = torch.load(file, weights_only=plain, mmap=True)
        if file.name != self.processed_file_names:
            return
        data, slices, sizes, *_ = content
        if not {"num_node_labels", "num_node_attributes", "num_edge_labels"} <= sizes.keys():
            raise ValueError(f"{file.name}: expected the numbers of labels and attributes")
        for key in {"edge_index", *slices}:
            last, rows = int(slices[key][-1]), data[key].size(-1 if key == "edge_index" else 0)
            if last != rows:
                raise ValueError(f"{file.name}: expected {last} rows of {key}, got {rows}")

    def process(self) -> None:
        """Reads the raw files; the processed file appears under its name only when complete."""
        try:
            self.data, self.slices, sizes = read_tu_data(Path(self.raw_dir), self.name)
        except UsageError as error:
            archive = _read_record(self._record).get("archive", "a zip")
            raise UsageError(f"{error} (from {archive}, unpacked in {self.raw_dir})") from error

        if self.pre_filter is not None or self.pre_transform is not None:
            graphs = [self.get(position) for position in range(len(self))]
            if self.pre_filter is not None:
                graphs = [graph for graph in graphs if self.pre_filter(graph)]
            if self.pre_transform is not None:
                graphs = [self.pre_transform(graph) for graph in graphs]
            self.data, self.slices = self.collate(graphs)
            self._data_list = None

        content = self._data.to_dict(), self.slices, sizes, type(self._data)
        save_atomically(Path(self.processed_paths[0]), content)

    def _tell(self, text: str) -> None:
        sys.stderr.write(f"data set '{self.name}': {text}\n")


def _read_record(path: Path) -> dict[str, str]:
    """Return what is known of the archive in a cache; nothing where that cannot be read."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _described(record: dict[str, str]) -> str:
    return f"another {record['archive']}" if "archive" in record else "an unknown zip"
