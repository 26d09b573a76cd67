"""Fixtures of the engines' tests."""

import pytest

from tests.benchmarks.serving import serving


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep the cache of a test to itself."""
    with serving(tmp_path / "data", monkeypatch):
        yield
