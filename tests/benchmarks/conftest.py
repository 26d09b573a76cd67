"""Fixtures of the runner's tests."""

import importlib.util
import sys

import pytest

from benchmarks.ogb_package import import_ogb
from tests.benchmarks.tu_files import write_model, write_tu_zip


@pytest.fixture(scope="session")
def ogb_package():
    """Import ogb as the runner does, which makes no requests; skip where it is missing."""
    if importlib.util.find_spec("ogb") is None:
        pytest.skip("needs ogb")
    return import_ogb("ogb")


@pytest.fixture
def tiny_data(tmp_path, monkeypatch):
    """Serve the data set TINY and a model of the user's; return the method's name."""
    from benchmarks.dataset import cached_dataset, folds_of

    # Another test's model of the same name must not answer for this one.
    monkeypatch.delitem(sys.modules, "tiny_model", raising=False)
    write_tu_zip(tmp_path)
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", str(tmp_path))
    monkeypatch.setenv("PYG_DIFFPOOL_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path))
    cached_dataset.cache_clear()
    folds_of.cache_clear()
    yield write_model(tmp_path)
    cached_dataset.cache_clear()
    folds_of.cache_clear()
