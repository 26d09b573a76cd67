"""OGB graph property prediction: official data and splits, through ogb's own classes."""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import InMemoryDataset
from torch_geometric.data.data import DataEdgeAttr, DataTensorAttr
from torch_geometric.data.storage import GlobalStorage

from benchmarks.data.folders import DATA_VARIABLE, cache_folder, exclusive
from benchmarks.data.ogb_package import import_ogb
from benchmarks.data.splits import Fold
from benchmarks.data.task import BinaryTasks, Multiclass, Task
from benchmarks.spec.errors import UsageError, unknown_name

SAFE_GLOBALS: tuple[Any, ...] = (
    DataEdgeAttr,
    DataTensorAttr,
    GlobalStorage,
    np.ndarray,
    np.dtype,
    type(np.dtype(np.int64)),
    # The functions that rebuild an array and a scalar; NumPy 2 renamed their module.
    np.empty(0).__reduce__()[0],
    np.int64(0).__reduce__()[0],
)
"""What ogb's files hold besides tensors: records and arrays. ``torch.load`` refuses all else."""

_METRICS = ("rocauc", "ap", "acc")


class OgbDataset(InMemoryDataset):
    """An OGB data set with what the runner asks of it; features stay as OGB has them.

    Args:
        name: Name of the data set, such as ``"ogbg-molhiv"``.
        stored: The same as ``ogb.graphproppred.PygGraphPropPredDataset``.
        split: Graph numbers of OGB's parts ``train``, ``valid`` and ``test``.

    Attributes:
        task: What its networks are trained for and scored by.
        fold: The official split.
    """

    def __init__(self, name: str, stored: Any, split: Mapping[str, Any]) -> None:
        super().__init__()
        self.name = name
        self.task = _task(name, stored)
        self.fold = _fold(name, split, len(stored))
        self._data, self.slices = stored._data.clone(), stored.slices
        target = self._data.y
        self._data.y = target.float() if isinstance(self.task, BinaryTasks) else target.view(-1)


def load_ogb_dataset(
    name: str, root: str | None = None, meta_dict: Mapping[str, Any] | None = None
) -> OgbDataset:
    """Loads an OGB data set of graphs to classify, downloading it if need be.

    Without a ``root`` it is looked for in the folder ``$PYG_DIFFPOOL_DATA``: as ``ogbg_molhiv``,
    the folder that OGB's downloads become, or as ``submission_ogbg_molhiv``, the folder that
    ``DatasetSaver("ogbg-molhiv", False, 1, root="$PYG_DIFFPOOL_DATA/submission")`` writes. Where
    there is neither, OGB downloads into the cache. What OGB makes of the raw files stays beside
    them, in ``processed``.

    Args:
        name: Name of the data set, such as ``"ogbg-molhiv"``.
        root: Folder that holds ``ogbg_molhiv``, or gets it downloaded.
        meta_dict: OGB's description of a data set in another place; ``root`` then counts for
            nothing.
    """
    graphs = import_ogb("ogb.graphproppred")
    known = _official_metrics(graphs)
    if known.get(name) not in _METRICS:
        names = [key for key, metric in known.items() if metric in _METRICS]
        raise unknown_name("OGB data set of classification", name, names)
    directory = name.replace("-", "_")
    folder = cache_folder() if root is None else Path(root).expanduser()
    source = os.environ.get(DATA_VARIABLE, "")
    if meta_dict is None and root is None and source and "://" not in source:
        given = Path(source).expanduser()
        if (given / f"submission_{directory}").is_dir():
            meta_dict = _saved_meta_dict(given / f"submission_{directory}")
        elif (given / directory).is_dir():
            folder = given
    place = folder / directory if meta_dict is None else Path(meta_dict["dir_path"])
    with exclusive(cache_folder() / f".{directory}.lock"):
        _check_release(place, 1 if meta_dict is None else meta_dict["version"])
        try:
            # ogb reports on stdout, which is for results.
            with (
                torch.serialization.safe_globals(list(SAFE_GLOBALS)),
                contextlib.redirect_stdout(sys.stderr),
            ):
                stored = graphs.PygGraphPropPredDataset(name, str(folder), meta_dict=meta_dict)
                split = stored.get_idx_split()
        except pickle.UnpicklingError as error:
            raise UsageError(f"data set '{name}': refused a file in {place}: {error}") from error
        except (OSError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
            _remove_if_empty(place)
            raise UsageError(
                f"data set '{name}' could not be read from {place} ({error!r}): put the folder "
                f"{directory} of an OGB download into the folder that {DATA_VARIABLE} names; if a "
                f"run was stopped while it wrote, remove {place / 'processed'}"
            ) from error
    return OgbDataset(name, stored, split)


def _official_metrics(graphs: Any) -> dict[str, str]:
    """Return the metric of each data set of ogb's own table."""
    import pandas as pd

    table = pd.read_csv(Path(graphs.__file__).parent / "master.csv", index_col=0)
    return dict(table.loc["eval metric"])


def _task(name: str, stored: Any) -> Task:
    evaluator = import_ogb("ogb.graphproppred").Evaluator(name)
    metric, tasks = evaluator.eval_metric, evaluator.num_tasks
    if stored.num_tasks != tasks:
        raise UsageError(f"data set '{name}': expected {tasks} tasks, got {stored.num_tasks}")
    if metric == "acc":
        return Multiclass(stored.num_classes)

    def score(outputs: Tensor, targets: Tensor) -> float:
        return float(evaluator.eval({"y_true": targets, "y_pred": outputs})[metric])

    return BinaryTasks(tasks, metric, score)


def _fold(name: str, split: Mapping[str, Any], num_graphs: int) -> Fold:
    parts = [torch.as_tensor(split[part], dtype=torch.long) for part in ("train", "valid", "test")]
    every = torch.cat(parts)
    if not torch.equal(every.sort().values, torch.arange(num_graphs)):
        different = len(set(every.tolist()))
        raise UsageError(
            f"data set '{name}': expected each of its {num_graphs} graphs in one part of the "
            f"split, got {every.numel()} numbers, {different} of them different"
        )
    return Fold(*(part.sort().values for part in parts))


def _saved_meta_dict(folder: Path) -> dict[str, Any]:
    """Read what ``DatasetSaver`` wrote, with the path that its folder has now."""
    try:
        meta_dict: dict[str, Any] = torch.load(folder / "meta_dict.pt")
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise UsageError(
            f"{folder}: expected meta_dict.pt, which DatasetSaver.get_meta_dict writes: {error!r}"
        ) from error
    place = folder / meta_dict["download_name"]
    if not place.is_dir():
        raise UsageError(f"{folder}: expected the folder {place.name}; unpack {place.name}.zip")
    return {**meta_dict, "dir_path": str(place)}


def _check_release(place: Path, version: int) -> None:
    """Refuse a folder of another release, which ogb would offer to delete."""
    _remove_if_empty(place)
    release = f"RELEASE_v{version}.txt"
    if place.is_dir() and not (place / release).is_file():
        raise UsageError(
            f"{place}: expected {release} in it, as in OGB's downloads; move the folder away to "
            "have the data downloaded"
        )


def _remove_if_empty(place: Path) -> None:
    """Remove the empty folders that a failed download leaves, which ogb takes for old data."""
    for folder in (place / "raw", place):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
