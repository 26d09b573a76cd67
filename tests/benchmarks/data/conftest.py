"""Fixtures of the data sets' tests."""

import pytest

from tests.benchmarks.serving import serving


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of data, and a cache, that nothing has been read from."""
    with serving(tmp_path, monkeypatch):
        yield tmp_path
