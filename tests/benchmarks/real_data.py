"""Tests on published data run where the data are, and are skipped elsewhere."""

import os
from pathlib import Path

import pytest

from benchmarks.data.folders import DATA_VARIABLE


def skip_without(name: str) -> None:
    """Skip a test where a data set's zip is not in the folder of data."""
    source = os.environ.get(DATA_VARIABLE)
    if not source:
        pytest.skip(f"real data: {DATA_VARIABLE} is not set")
    path = source.removeprefix("file://")
    if "://" not in path and not (Path(path).expanduser() / f"{name}.zip").is_file():
        pytest.skip(f"real data: no {name}.zip in {source} ({DATA_VARIABLE})")
