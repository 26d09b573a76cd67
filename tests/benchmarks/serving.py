"""Where the tests' data sets are: a folder in place of the user's, and nothing read before."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.data.folders import CACHE_VARIABLE, DATA_VARIABLE
from benchmarks.data.registry import find_source


@contextmanager
def serving(data: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the runner find data in a folder and keep its cache there, as a fresh process would.

    Args:
        data: The folder.
        patch: The test's own; with another one, what both change would not be restored.
    """
    patch.setenv(DATA_VARIABLE, str(data))
    patch.setenv(CACHE_VARIABLE, str(data / "cache"))
    find_source.cache_clear()
    yield
    find_source.cache_clear()
