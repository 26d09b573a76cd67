"""Fused kernels: ``triton_cases.py`` in a process of its own, and what needs no Triton."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import numpy
import pytest
import torch

from pyg_diffpool.ops.backends.triton import kernels as triton_kernels
from pyg_diffpool.ops.backends.triton.kernels import contract, expand, triton_available
from tests.ops import triton_cases

CASES = [name for name in vars(triton_cases) if name.startswith("test_")]


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
        [*command, f"--junitxml={path}", triton_cases.__file__],
        stdin=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
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
@pytest.mark.parametrize("name", CASES)
def test_case(name, report):
    cases = [case for case in report if case.get("name", "").split("[")[0] == name]
    assert cases
    failed = [case for case in cases if {part.tag for part in case} & {"failure", "error"}]
    assert not failed, "\n".join(
        f"{case.get('name')}\n{''.join(case.itertext())}" for case in failed
    )


def arguments(dtype=torch.float32):
    x, p, s = (torch.ones(3, columns, dtype=dtype) for columns in (2, 4, 4))
    return x, p, s, torch.tensor([0, 3])


def gradients(dtype=torch.float32):
    return [torch.ones(1, 4, columns, dtype=dtype) for columns in (2, 4, 4)]


def test_float64_is_refused():
    with pytest.raises(TypeError, match=r"x: expected float32, bfloat16 or .* got torch.float64"):
        contract(*arguments(torch.float64), 1)
    with pytest.raises(TypeError, match=r"grad_x: expected float32, .* got torch.float64"):
        expand(*arguments(), *gradients(torch.float64))


def test_unknown_precision_is_refused():
    with pytest.raises(ValueError, match=r"precision: expected one of 'ieee', .* got 'exact'"):
        contract(*arguments(), 1, precision="exact")


def test_without_triton(monkeypatch):
    monkeypatch.setattr(triton_kernels, "triton_available", lambda: False)
    with pytest.raises(ImportError, match=r"expected triton .*pip install 'pyg-diffpool\[triton\]"):
        contract(*arguments(), 1)


@pytest.mark.triton
@pytest.mark.skipif(not triton_available(), reason="triton is not installed")
def test_tensors_on_the_cpu_are_refused():
    with pytest.raises(ValueError, match="x: expected a tensor on a GPU"):
        contract(*arguments(), 1)


@pytest.mark.parametrize("num_clusters", [1, 30, 128, 500])
def test_the_workspace_is_bounded(num_clusters):
    for num_nodes in (1, 1000, 100_000, 10_000_000, 10**9):
        chunk = 1 << triton_kernels._chunk_bits(num_nodes, num_clusters)
        rows = 2 * num_nodes // chunk
        assert rows <= 2048
        assert rows * num_clusters <= num_nodes / 2
