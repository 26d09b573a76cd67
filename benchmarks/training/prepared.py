"""Extra tensors of each graph that a method computes once, before any training.

A method's module may offer ``prepare(data, settings) -> dict[str, Tensor]``, a deterministic
function of one graph without its labels (a clustering, a pyramid of coarser graphs, receptive
fields), and ``PREPARED_BY``, the names of the settings that it reads. Its results are kept on disk
under a hash of the data, the source of ``prepare`` and those settings: they are computed once.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import joblib
import torch
from torch import Tensor
from torch_geometric.data import Batch, InMemoryDataset

from benchmarks.data.folders import cache_folder
from benchmarks.data.source import Source
from benchmarks.methods import load_method
from benchmarks.records.store import save_atomically
from benchmarks.spec.settings import Settings
from benchmarks.training.made_once import made_once
from pyg_diffpool.loader import ResidentLoader

Prepared = list[dict[str, Tensor]]


class PreparedLoader:
    """Adds each graph's prepared tensors to the batches of a loader, joined by PyG's rules.

    A tensor whose name contains ``index`` is joined along its last dimension and counts nodes from
    the batch's first one; any other is joined along its first.
    """

    def __init__(self, loader: ResidentLoader, prepared: Prepared) -> None:
        self.loader = loader
        self.prepared = prepared

    def __len__(self) -> int:
        return len(self.loader)

    def subset(self, index: Tensor) -> PreparedLoader:
        """Return a loader of other graphs of the same data set, in the order given."""
        return PreparedLoader(self.loader.subset(index), self.prepared)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.loader:
            graphs = [self.prepared[number] for number in batch.graph_index.tolist()]
            first_nodes = batch.ptr.tolist()
            for name in graphs[0]:
                parts = [graph[name] for graph in graphs]
                if "index" in name:
                    shifted = [
                        part + first for part, first in zip(parts, first_nodes, strict=False)
                    ]
                    joined = torch.cat(shifted, dim=-1)
                else:
                    joined = torch.cat(parts)
                batch[name] = joined.to(batch.batch.device)
            yield batch


def prepared_graphs(
    source: Source, method: str, settings: Settings, jobs: int = 1
) -> Prepared | None:
    """Return what ``method`` prepares for each graph, from the cache if it is there.

    Args:
        source: The data set.
        method: Name of the method.
        settings: Its settings.
        jobs: Number of processes that compute what is missing. (default: :obj:`1`)
    """
    prepare = getattr(load_method(method), "prepare", None)
    if prepare is None:
        return None
    path = _path(source, method, settings)

    def make() -> None:
        save_atomically(path, _computed(source.graphs, prepare, settings, jobs))

    return made_once(path, lambda: _stored(path, len(source.graphs)), make)


def _computed(dataset: InMemoryDataset, prepare: Any, settings: Settings, jobs: int) -> Prepared:
    graphs = []
    for number in range(len(dataset)):
        data = dataset[number].clone()
        data.y = None
        graphs.append(data)
    # More processes than cores or graphs only take memory.
    jobs = max(1, min(jobs, os.cpu_count() or 1, len(graphs)))
    # One task a graph would cost more in messages than most graphs do in work.
    size = max(1, len(graphs) // (8 * jobs))
    parts = [graphs[first : first + size] for first in range(0, len(graphs), size)]
    run = joblib.Parallel(n_jobs=jobs)
    done = run(joblib.delayed(_prepare_all)(prepare, part, settings) for part in parts)
    return [graph for part in done for graph in part]


def _prepare_all(prepare: Any, graphs: list[Any], settings: Settings) -> Prepared:
    return [prepare(data, settings) for data in graphs]


def _path(source: Source, method: str, settings: Settings) -> Path:
    module: Any = load_method(method)
    sources = [inspect.getsource(module), inspect.getsource(inspect.getmodule(module.prepare))]
    key = json.dumps(
        {
            "data": source.digest,
            "sources": sources,
            "settings": {name: getattr(settings, name) for name in module.PREPARED_BY},
        }
    )
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    return cache_folder() / "prepared" / f"{method}-{digest}.pt"


def _stored(path: Path, num_graphs: int) -> Prepared | None:
    """Return what the file holds, or None where there is none or it is damaged."""
    try:
        state = path.stat()
        return _read(path, state.st_size, state.st_mtime_ns, num_graphs)
    except Exception:
        # A file that is cut short or no file of tensors makes torch raise almost anything.
        return None


@lru_cache(maxsize=2)
def _read(path: Path, size: int, changed: int, num_graphs: int) -> Prepared:
    """Read a file once a process; its size and time of change are part of the question.

    Nothing but tensors in lists and dictionaries is loaded: a pickle can run any code.
    """
    prepared: Prepared = torch.load(path, weights_only=True)
    if not isinstance(prepared, list) or len(prepared) != num_graphs:
        raise TypeError(f"expected a list of {num_graphs} graphs")
    for graph in prepared:
        if not isinstance(graph, dict) or graph.keys() != prepared[0].keys():
            raise TypeError("expected the same names of tensors for each graph")
        if not all(isinstance(value, Tensor) for value in graph.values()):
            raise TypeError("expected tensors")
    return prepared
