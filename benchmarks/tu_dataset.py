"""TU data sets read with pandas: equal to PyG's own parser, many times faster and smaller."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.datasets import TUDataset
from torch_geometric.io import fs
from torch_geometric.utils import coalesce, cumsum, one_hot, remove_self_loops

from benchmarks.errors import UsageError

try:
    import fcntl
except (
    ImportError
):  # Windows: the renames below still keep the cache whole, the work is done twice.
    fcntl = None  # type: ignore[assignment]

DATA_VARIABLE = "PYG_DIFFPOOL_DATA"
CACHE_VARIABLE = "PYG_DIFFPOOL_CACHE"


def load_dataset(name: str, root: str | None = None) -> FastTUDataset:
    """Loads a TU data set with its continuous node attributes.

    Args:
        name: Name of the data set, for example ``"ENZYMES"``.
        root: Folder of the processed cache (default: ``$PYG_DIFFPOOL_CACHE``, else
            ``~/.cache/pyg_diffpool``).
    """
    check_name(name)
    folder = cache_folder() if root is None else Path(root).expanduser()
    return FastTUDataset(str(folder), name, use_node_attr=True)


def check_name(name: str) -> None:
    """Refuse what can be no name of a data set: it becomes part of paths and addresses."""
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise UsageError(f"data set: expected a name such as ENZYMES, got {name[:80]!r}")


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


class FastTUDataset(TUDataset):
    """PyG's ``TUDataset`` with a pandas reader, the same data and a cache safe to share.

    The zip comes from ``$PYG_DIFFPOOL_DATA`` (a folder, or a ``file://`` or ``http(s)://`` URL,
    that holds ``NAME.zip``), else from PyG's own address. Processes that start together wait for
    the first of them to fill the cache; one that is killed leaves no half-written file behind.

    Args:
        root: Folder of the cache.
        name: Name of the data set.
        *args: As in ``TUDataset``.
        **kwargs: As in ``TUDataset``.
    """

    def __init__(self, root: str, name: str, *args: Any, **kwargs: Any) -> None:
        with exclusive(Path(root) / f".{name}.lock"):
            super().__init__(root, name, *args, **kwargs)

    def download(self) -> None:
        """Fetches and unpacks the zip beside ``raw/``, then moves the files in one by one."""
        source = os.environ.get(DATA_VARIABLE) or (self.cleaned_url if self.cleaned else self.url)
        address = f"{source.rstrip('/')}/{self.name}.zip"
        if "://" not in source:
            address = str(Path(address).expanduser())
            if not Path(address).is_file():
                raise FileNotFoundError(self._missing(address))
        scratch = tempfile.mkdtemp(prefix="download-", dir=Path(self.raw_dir).parent)
        try:
            try:
                fs.cp(address, scratch, extract=True)
            except Exception as error:  # fsspec raises what its back ends raise: HTTP, OS, zip.
                raise FileNotFoundError(f"{self._missing(address)} ({error})") from error
            files = sorted(
                Path(scratch).rglob("*.txt"), key=lambda file: file.name in self.raw_file_names
            )
            if not {file.name for file in files} >= set(self.raw_file_names):
                raise FileNotFoundError(
                    f"data set '{self.name}': expected {self.raw_file_names} inside {address}, "
                    f"found {[file.name for file in files]}"
                )
            # PyG takes the data for complete once these two files are there, so they come last.
            for file in files:
                os.replace(file, Path(self.raw_dir) / file.name)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _missing(self, address: str) -> str:
        where = f"${DATA_VARIABLE}" if os.environ.get(DATA_VARIABLE) else "PyG's address"
        return (
            f"data set '{self.name}' could not be read from {address} ({where}): set "
            f"{DATA_VARIABLE} to a folder or URL that holds {self.name}.zip"
        )

    def process(self) -> None:
        """Reads the raw files; the processed file appears under its name only when complete."""
        self.data, self.slices, sizes = read_tu_data(Path(self.raw_dir), self.name)
        if self.pre_filter is not None or self.pre_transform is not None:
            graphs = [self.get(position) for position in range(len(self))]
            if self.pre_filter is not None:
                graphs = [graph for graph in graphs if self.pre_filter(graph)]
            if self.pre_transform is not None:
                graphs = [self.pre_transform(graph) for graph in graphs]
            self.data, self.slices = self.collate(graphs)
            self._data_list = None

        target = Path(self.processed_paths[0])
        handle, scratch = tempfile.mkstemp(prefix="data-", suffix=".tmp", dir=target.parent)
        os.close(handle)
        try:
            torch.save((self._data.to_dict(), self.slices, sizes, type(self._data)), scratch)
            os.replace(scratch, target)
        finally:
            Path(scratch).unlink(missing_ok=True)


def read_tu_data(folder: Path, name: str) -> tuple[Data, dict[str, Tensor], dict[str, int]]:
    """Reads raw TU files as ``torch_geometric.io.read_tu_data`` does.

    Unlike PyG, trailing graphs without edges keep their place, and files that contradict each
    other raise a ``ValueError``.

    Args:
        folder: Folder of the raw files.
        name: Name of the data set, the prefix of its files.
    """

    def read(kind: str, dtype: type) -> Tensor | None:
        path = folder / f"{name}_{kind}.txt"
        return _read_table(path, dtype) if path.is_file() else None

    graph_of_node = _read_table(folder / f"{name}_graph_indicator.txt", np.int64).view(-1) - 1
    edge_index = _read_table(folder / f"{name}_A.txt", np.int64).t() - 1
    num_nodes, num_edges = graph_of_node.numel(), edge_index.size(1)
    _check(name, graph_of_node, edge_index)

    attributes = {
        "num_node_attributes": read("node_attributes", np.float64),
        "num_node_labels": _one_hot_columns(read("node_labels", np.int64)),
        "num_edge_attributes": read("edge_attributes", np.float64),
        "num_edge_labels": _one_hot_columns(read("edge_labels", np.int64)),
    }
    for key, value in attributes.items():
        rows = num_nodes if "node" in key else num_edges
        if value is not None and value.size(0) != rows:
            kind = key.removeprefix("num_")
            raise ValueError(f"{name}_{kind}.txt: expected {rows} rows, got {value.size(0)}")
    sizes = {key: 0 if value is None else value.size(1) for key, value in attributes.items()}
    node_attributes, node_labels, edge_attributes, edge_labels = attributes.values()
    del attributes

    x = _join(node_attributes, node_labels)
    edge_index, edge_attr = remove_self_loops(edge_index, _join(edge_attributes, edge_labels))
    edge_index, edge_attr = coalesce(edge_index, edge_attr, num_nodes)
    data = Data(x=x, edge_index=edge_index, edge_attr=edge_attr, y=_read_targets(folder, name))
    return data, _split(data, graph_of_node, name), sizes


def _read_table(path: Path, dtype: type) -> Tensor:
    if dtype is np.float64:  # NumPy rounds as Python's float does; pandas may miss the last bit.
        values = np.loadtxt(path, delimiter=",", ndmin=2)
        return torch.from_numpy(values).to(torch.get_default_dtype())
    table = pd.read_csv(path, header=None, dtype=dtype, skipinitialspace=True).to_numpy()
    return torch.from_numpy(np.array(table, copy=not table.flags.writeable))


def _one_hot_columns(labels: Tensor | None) -> Tensor | None:
    if labels is None:
        return None
    columns = (labels - labels.min(dim=0).values).unbind(dim=-1)
    return torch.cat([one_hot(column) for column in columns], dim=-1)


def _join(*parts: Tensor | None) -> Tensor | None:
    present = [part for part in parts if part is not None and part.numel() > 0]
    return torch.cat(present, dim=-1) if present else None


def _read_targets(folder: Path, name: str) -> Tensor | None:
    regression = folder / f"{name}_graph_attributes.txt"
    classes = folder / f"{name}_graph_labels.txt"
    if regression.is_file():
        return _read_table(regression, np.float64).squeeze()
    if classes.is_file():
        return _read_table(classes, np.int64).squeeze().unique(return_inverse=True)[1]
    return None


def _split(data: Data, graph_of_node: Tensor, name: str) -> dict[str, Tensor]:
    """Makes edge indices local to their graph and returns PyG's slices."""
    nodes_of_graph = torch.bincount(graph_of_node)
    num_graphs = nodes_of_graph.numel()
    node_slice = cumsum(nodes_of_graph)
    assert data.edge_index is not None
    graph_of_edge = graph_of_node[data.edge_index[0]]
    edge_slice = cumsum(torch.bincount(graph_of_edge, minlength=num_graphs))
    data.edge_index -= node_slice[graph_of_edge]

    slices = {"edge_index": edge_slice}
    if data.x is not None:
        slices["x"] = node_slice
    else:  # As `InMemoryDataset.collate` leaves it.
        data._num_nodes = nodes_of_graph.tolist()
        data.num_nodes = graph_of_node.numel()
    if data.edge_attr is not None:
        slices["edge_attr"] = edge_slice
    if isinstance(data.y, Tensor):
        if data.y.size(0) == graph_of_node.numel():
            slices["y"] = node_slice
        elif data.y.size(0) == num_graphs:
            slices["y"] = torch.arange(num_graphs + 1)
        else:
            raise ValueError(
                f"{name}: expected one target a graph ({num_graphs}) or a node "
                f"({graph_of_node.numel()}), got {data.y.size(0)}"
            )
    return slices


def _check(name: str, graph_of_node: Tensor, edge_index: Tensor) -> None:
    if bool((graph_of_node[1:] < graph_of_node[:-1]).any()) or int(graph_of_node[0]) < 0:
        raise ValueError(f"{name}_graph_indicator.txt: expected ascending graph numbers from 1")
    low, high = int(edge_index.min()), int(edge_index.max())
    if low < 0 or high >= graph_of_node.numel():
        raise ValueError(
            f"{name}_A.txt: expected node numbers from 1 to {graph_of_node.numel()}, "
            f"got {low + 1} to {high + 1}"
        )
    if bool((graph_of_node[edge_index[0]] != graph_of_node[edge_index[1]]).any()):
        raise ValueError(f"{name}_A.txt: expected no edge between two graphs")


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds an advisory lock; the system frees it when the process ends, however it ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError:  # A read-only cache that is already filled needs no lock.
        yield
        return
    with file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
