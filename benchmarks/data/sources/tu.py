"""TU data sets, read from zips: one class a graph, labels and attributes of nodes."""

import os
from pathlib import Path

from benchmarks.data.folders import DATA_VARIABLE
from benchmarks.data.registry import listed_names
from benchmarks.data.source import Source
from benchmarks.data.tu_dataset import FastTUDataset, check_name, load_dataset
from benchmarks.spec.errors import AbsentDataError, UsageError, near_names

_NEAR = 0.8
"""Share of letters from which on another name is taken for a slip; TU has many sets."""


class TUSource(Source):
    """A TU data set, of the paper's and the fair comparison's tables or any other."""

    NAMES = ("ENZYMES", "PROTEINS", "DD", "COLLAB", "REDDIT-MULTI-5K", "REDDIT-MULTI-12K")
    PREFIX = ""

    def __init__(self, name: str) -> None:
        check_name(name)
        super().__init__(name)

    def load(self) -> FastTUDataset:
        """Read the data set from its zip or from the cache."""
        try:
            dataset = load_dataset(self.name)
        except AbsentDataError as error:
            raise AbsentDataError(_explained(self.name, str(error))) from error
        _check_classes(dataset)
        return dataset


def _check_classes(dataset: FastTUDataset) -> None:
    """Refuse data without one class a graph: other targets are not what is trained for."""
    name, y = dataset.name, dataset._data.y
    what = f"data set '{name}': the runner classifies graphs; expected {name}_graph_labels.txt"
    if y is None:
        raise UsageError(f"{what}, got none")
    if y.is_floating_point():
        first = float(y.view(-1)[0])
        raise UsageError(
            f"{what} alone, got {name}_graph_attributes.txt, which holds targets of regression "
            f"(the first is {first:g})"
        )
    if y.dim() != 1 or y.numel() != len(dataset):
        raise UsageError(
            f"{what} with one class for each of {len(dataset)} graphs, got {list(y.shape)}"
        )
    if int(y.max()) < 1:
        raise UsageError(f"{what} with two classes or more, got one for all graphs")


def _explained(name: str, reason: str) -> str:
    """Return why there is no such data set: a slip of the pen, or a folder that is not there."""
    listed = listed_names()
    near = [] if name in listed else near_names(name, listed, cutoff=_NEAR)
    if near:
        return f"unknown data set {name!r}: did you mean {near[0]!r}? ({reason})"
    folder = os.environ.get(DATA_VARIABLE)
    if folder and "://" not in folder and not Path(folder).expanduser().is_dir():
        return f"${DATA_VARIABLE}: expected a folder, there is none at {folder}"
    return reason
