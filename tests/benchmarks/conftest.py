"""Fixtures of the runner's tests."""

import sys

import pytest

from tests.benchmarks.tu_files import write_model, write_tu_zip


@pytest.fixture
def tiny_data(tmp_path, monkeypatch):
    """Serve the data set TINY and a model of the user's; return the method's name."""
    from benchmarks.cell import cached_dataset, folds_of

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
