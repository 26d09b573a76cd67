"""Fixtures of the runner's tests."""

import importlib.util
import sys

import pytest

from benchmarks.data.ogb_package import import_ogb

# Fixtures of the page, for the tests of its parts and of its command.
from tests.benchmarks.report.made import browser, driver, made, served  # noqa: F401
from tests.benchmarks.serving import serving
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
    # Another test's model of the same name must not answer for this one.
    monkeypatch.delitem(sys.modules, "tiny_model", raising=False)
    write_tu_zip(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with serving(tmp_path, monkeypatch):
        yield write_model(tmp_path)


@pytest.fixture
def quick_compiler(monkeypatch):
    """Trace what is timed as the real compiler does, and spare the tests its C++."""
    from benchmarks.timing import rivals

    monkeypatch.setattr(rivals, "COMPILER", "aot_eager")
    caches = (rivals._compiled_diff_pool, rivals.why_not_compiled)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.fixture
def gpu_parts(monkeypatch):
    """Return a function that lets the command `gpu` have parts of the tests."""
    from benchmarks.timing.gpu import run

    def use(*names):
        address = "tests.benchmarks.timing.gpu.parts:{}_part"
        entries = {name: run.PartEntry(address.format(name), 60, 60) for name in names}
        monkeypatch.setattr(run, "PARTS", entries)
        return list(entries)

    return use
