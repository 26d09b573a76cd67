"""Every module that holds logic has its test file at the mirrored place.

``benchmarks/data/splits.py`` is tested in ``tests/benchmarks/data/test_splits.py``, and
``pyg_diffpool/ops/coarsen.py``, without the package's name, in ``tests/ops/test_coarsen.py``.
"""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = {"benchmarks": ROOT / "tests" / "benchmarks", "pyg_diffpool": ROOT / "tests"}
WITHOUT_TESTS = {
    "benchmarks/__main__.py": "one call",
    "benchmarks/commands/options.py": "declarations",
    "benchmarks/kernels/kernel.py": "a protocol",
    "benchmarks/methods/s2v_diffpool1.py": "test_s2v.py tests all three",
    "benchmarks/methods/s2v_diffpool2.py": "test_s2v.py tests all three",
    "benchmarks/timing/works.py": "declarations",
    "pyg_diffpool/conftest.py": "pytest's own",
}
"""Modules that need no test file, and why."""
TO_DO: set[str] = set()
"""Modules whose tests are still elsewhere."""


def without_test_file(package: str) -> set[str]:
    """Return the modules of a package whose mirrored test file does not exist."""
    modules = (path for path in (ROOT / package).rglob("*.py") if path.name != "__init__.py")
    return {
        path.relative_to(ROOT).as_posix()
        for path in modules
        if not (
            PLACES[package] / path.relative_to(ROOT / package).with_name(f"test_{path.name}")
        ).exists()
    }


@pytest.mark.parametrize("package", PLACES)
def test_every_module_has_its_test_file_and_no_exception_is_out_of_date(package: str) -> None:
    excepted = {name for name in {*WITHOUT_TESTS, *TO_DO} if name.startswith(f"{package}/")}
    assert without_test_file(package) == excepted
