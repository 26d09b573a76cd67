"""The programs against float64: ``cases.py`` and ``exact_cases.py`` in a process of their own."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import numpy
import pytest
import torch

from pyg_diffpool.ops.backends.triton.kernels import triton_available
from tests.ops.backends.triton import cases, exact_cases

FILES = {Path(module.__file__).stem: module for module in (cases, exact_cases)}
CASES = [
    (stem, name)
    for stem, module in FILES.items()
    for name in vars(module)
    if name.startswith("test_")
]


def why_not_interpreted() -> str | None:
    """Return why the kernels cannot be run here."""
    if not triton_available():
        return "triton is not installed (pip install 'pyg-diffpool[triton]')"
    old = tuple(map(int, version("triton").split(".")[:2])) < (3, 7)
    if old and numpy.lib.NumpyVersion(numpy.__version__) >= "2.4.0":
        return "the interpreter of triton < 3.7 does not run with numpy >= 2.4"
    return None


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> list[ElementTree.Element]:
    """Run all cases, interpreted unless there is a GPU; Triton must not be imported before."""
    reason = why_not_interpreted()
    if reason is not None:
        pytest.skip(reason)
    path = tmp_path_factory.mktemp("triton") / "report.xml"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "PYTEST_"))}
    if not torch.cuda.is_available():
        environment["TRITON_INTERPRET"] = "1"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"]
    result = subprocess.run(
        [*command, f"--junitxml={path}", *(module.__file__ for module in FILES.values())],
        stdin=subprocess.DEVNULL,
        cwd=Path(__file__).parents[4],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if not path.exists():
        pytest.fail(result.stdout + result.stderr)
    return list(ElementTree.parse(path).iter("testcase"))


@pytest.mark.triton
@pytest.mark.parametrize(("stem", "name"), CASES)
def test_case(stem, name, report):
    found = [
        case
        for case in report
        if case.get("name", "").split("[")[0] == name
        and case.get("classname", "").endswith(f".{stem}")
    ]
    assert found
    failed = [case for case in found if {part.tag for part in case} & {"failure", "error"}]
    assert not failed, "\n".join(
        f"{case.get('name')}\n{''.join(case.itertext())}" for case in failed
    )
