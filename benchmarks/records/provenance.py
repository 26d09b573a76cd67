"""Where a result comes from: code, packages, machine, data and splits (no paths, no host name)."""

import hashlib
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch_geometric.data import InMemoryDataset

PACKAGES = (
    "torch",
    "torch-geometric",
    "torch-sparse",
    "torch-scatter",
    "triton",
    "lightning",
    "pytorch-lightning",
    "torchmetrics",
    "numpy",
    "scipy",
    "scikit-learn",
    "grakel",
)

_BLOCK_BYTES = 2**22


def code_version() -> dict[str, Any]:
    """Return the commit and whether the code differs from it (results do not count)."""
    folder = Path(__file__).parents[2]
    code = ("pyg_diffpool", "benchmarks", ":(exclude)benchmarks/results")
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        dirty = bool(_git(folder, "status", "--porcelain", "--", *code))
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": dirty}


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide a result."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def machine() -> dict[str, Any]:
    """Return the processor, cores, memory and accelerator."""
    memory = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    found = {
        "system": platform.system(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "gpu": None,
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
        found |= {"cuda": torch.version.cuda, "driver": _gpu_driver()}
    return found


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def dataset_digest(dataset: InMemoryDataset) -> str:
    """Return the SHA-256 of a data set's graphs, features and labels."""
    digest = hashlib.sha256()
    data = dataset._data
    for key in ("x", "edge_index", "edge_attr", "y", "node_label"):
        value = getattr(data, key, None)
        if isinstance(value, torch.Tensor):
            tensor = value.as_subclass(torch.Tensor).contiguous().cpu()
            digest.update(f"{key}{tuple(tensor.shape)}{tensor.dtype}".encode())
            digest.update(tensor.numpy().tobytes())
            digest.update(dataset.slices[key].numpy().tobytes())
    return digest.hexdigest()


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _gpu_driver() -> str | None:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().partition("\n")[0] or None


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
