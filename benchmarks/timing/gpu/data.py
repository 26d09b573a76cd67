"""Whether a data set can be had, asked so that a machine without a network does not wait."""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlparse

from torch_geometric.datasets import TUDataset

from benchmarks.data.folders import CACHE_VARIABLE, DATA_VARIABLE

CONNECT_SECONDS = 5.0


def data_there(name: str) -> bool:
    """Tell whether a TU data set is cached, in the folder of zips, or at an address that answers.

    A download's own limit is minutes, more than a part has.
    """
    cache = Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "pyg_diffpool")
    if any((cache.expanduser() / name).glob("processed*/data.pt")):
        return True
    source = os.environ.get(DATA_VARIABLE) or TUDataset.url
    if "://" not in source:
        return (Path(source).expanduser() / f"{name}.zip").is_file()
    address = urlparse(source)
    if address.scheme == "file":
        return (Path(address.path) / f"{name}.zip").is_file()
    return _answers(address.hostname or "", address.port or 443)


@lru_cache
def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=CONNECT_SECONDS):
            return True
    except OSError:
        return False
