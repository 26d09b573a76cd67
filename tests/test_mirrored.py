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
    "benchmarks/runs/engine.py": "a protocol",
    "benchmarks/timing/works.py": "declarations",
    "pyg_diffpool/conftest.py": "pytest's own",
    "pyg_diffpool/ops/backends/triton/exact_programs.py": "test_programs.py tests all",
    "pyg_diffpool/ops/backends/triton/softmax_programs.py": "test_programs.py tests all",
    "pyg_diffpool/ops/contract/sparse_graphs.py": "a protocol",
    "pyg_diffpool/ops/contract/coarsening.py": "declarations",
    "pyg_diffpool/ops/objectives/objective.py": "declarations",
}
"""Modules that need no test file, and why."""


def without_test_file(package: str) -> set[str]:
    """Return the modules of a package whose mirrored test file does not exist."""
    folder, missing = ROOT / package, set()
    for path in folder.rglob("*.py"):
        mirrored = PLACES[package] / path.relative_to(folder).with_name(f"test_{path.name}")
        if path.name != "__init__.py" and not mirrored.exists():
            missing.add(path.relative_to(ROOT).as_posix())
    return missing


@pytest.mark.parametrize("package", PLACES)
def test_every_module_has_its_test_file(package: str) -> None:
    missing = without_test_file(package)
    assert missing <= set(WITHOUT_TESTS)
    # An exception goes with its module, or once there are tests.
    assert {name for name in WITHOUT_TESTS if name.startswith(f"{package}/")} <= missing
