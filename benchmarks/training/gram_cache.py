"""Gram matrices on disk, under a hash of all that they follow from; computed once, then mapped."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import kernels
from benchmarks.data.folders import cache_folder
from benchmarks.kernels.gram import Report, normalised, silent
from benchmarks.kernels.graphs import LabelledGraphs
from benchmarks.kernels.kernel import Kernel
from benchmarks.methods import load_kernel
from benchmarks.records.provenance import file_digest
from benchmarks.records.store import replacing, to_json, write_atomically
from benchmarks.spec.errors import UsageError
from benchmarks.training.made_once import made_once

GramStack = npt.NDArray[np.float64]
"""Normalised Gram matrices ``[iterations, G, G]``, mapped from disk and not writable."""

_SOURCES = ("counts.py", "gram.py", "graphlets.py", "shortest_paths.py", "weisfeiler_lehman.py")


def cached_grams(
    method: str, graphs: LabelledGraphs, jobs: int = 1, report: Report = silent
) -> GramStack:
    """Return a kernel's normalised Gram matrices, computed if they are not on disk.

    Processes that ask together wait for the first of them. A file that is cut short or altered
    does not have the digest written beside it, and is computed anew.

    Args:
        method: Name of the kernel.
        graphs: All graphs of the data set.
        jobs: Number of processes that compute what is missing. (default: :obj:`1`)
        report: Told of the progress.
    """
    kernel = load_kernel(method)
    path = gram_path(method, graphs)
    shape = _shape(kernel, graphs)
    jobs = max(1, min(jobs, os.cpu_count() or 1))
    return made_once(
        path,
        lambda: _read(path, shape),
        lambda: _write(path, kernel, graphs, jobs, report),
    )


def are_cached(method: str, graphs: LabelledGraphs) -> bool:
    """Tell whether the Gram matrices are on disk, whole and unaltered."""
    return _read(gram_path(method, graphs), _shape(load_kernel(method), graphs)) is not None


def gram_path(method: str, graphs: LabelledGraphs) -> Path:
    """Return the file that the graphs, the kernel, its source and its packages decide."""
    kernel = load_kernel(method)
    folder = Path(str(kernels.__file__)).parent
    sources = [inspect.getsource(kernel)]  # type: ignore[arg-type]  # a module
    sources += [(folder / name).read_text(encoding="utf-8") for name in _SOURCES]
    key = {
        "graphs": graphs.digest(),
        "method": method,
        "iterations": kernel.ITERATIONS,
        "packages": {package: _version(method, package) for package in kernel.PACKAGES},
        "sources": sources,
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    return cache_folder() / "grams" / f"{method}-{digest}.npy"


def _version(method: str, package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError as error:
        raise UsageError(
            f'--method {method}: needs {package}: pip install "pyg-diffpool[benchmark]"'
        ) from error


def _write(path: Path, kernel: Kernel, graphs: LabelledGraphs, jobs: int, report: Report) -> None:
    """Write the matrices one by one, so that few are in memory, and the digest last of all."""
    for left_by_a_kill in path.parent.glob(f".{path.name}.*.tmp"):
        left_by_a_kill.unlink()
    shape = _shape(kernel, graphs)
    with replacing(path) as temporary:
        stack = np.lib.format.open_memmap(temporary, "w+", np.float64, shape)
        for number, gram in enumerate(kernel.grams(graphs, jobs, report)):
            stack[number] = normalised(gram)
        stack.flush()
        del stack
        digest = file_digest(temporary)
    write_atomically(_digest_path(path), to_json({"shape": shape, "sha256": digest}))


def _shape(kernel: Kernel, graphs: LabelledGraphs) -> tuple[int, int, int]:
    """Return the shape of a kernel's matrices."""
    return max(1, len(kernel.ITERATIONS)), graphs.num_graphs, graphs.num_graphs


def _read(path: Path, shape: tuple[int, int, int]) -> GramStack | None:
    """Return the matrices if file and digest agree, and they are matrices of this shape."""
    try:
        digest = json.loads(_digest_path(path).read_bytes())["sha256"]
        state = path.stat()
        stack = _mapped(path, state.st_size, state.st_mtime_ns, str(digest))
    # A digest file of another kind has no such key, or is nested too deep.
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    if stack is None or stack.shape != shape or stack.dtype != np.float64:
        return None
    return stack


@lru_cache(maxsize=4)
def _mapped(path: Path, size: int, changed: int, digest: str) -> GramStack | None:
    """Check a file once a process; its size and time of change are part of the question."""
    if file_digest(path) != digest:
        return None
    stack: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    return stack  # type: ignore[no-any-return]


def _digest_path(path: Path) -> Path:
    return path.with_suffix(".json")
