import math

import pytest

from benchmarks.timing.gpu import correctness, table
from benchmarks.timing.gpu.cases import make_case, make_cases
from benchmarks.timing.gpu.part import FAILED, OK
from pyg_diffpool.ops.backends import BACKENDS
from pyg_diffpool.ops.backends.padded import Padded

CASE = make_case((0, 5, 1, 17), 3, 5, seed=0, weights=True)


def test_right_backends_pass():
    for backend in correctness.available_backends("cpu"):
        rows = correctness.check_case("case", CASE, backend, "cpu")
        assert [row["dtype"] for row in rows] == list(correctness.TOLERANCES)
        assert {row["verdict"] for row in rows} == {OK}
        assert "coarsen: gradient of weights" in rows[0]["errors"]
    assert "triton" not in correctness.available_backends("cpu")


class WrongForward(Padded):
    def contract(self, rows, x, s):
        pooled, product, gram = super().contract(rows, x, s)
        return pooled, product, gram * 1.001


class WrongBackward(Padded):
    def expand(self, rows, x, s, onto_x, onto_p, onto_s):
        grad_x, grad_s = super().expand(rows, x, s, onto_x, onto_p, onto_s)
        # One row of one graph, as a kernel with a wrong mask would have it.
        grad_s[3] = math.nan
        return grad_x, grad_s


@pytest.mark.parametrize(
    ("backend", "wrong"),
    [(WrongForward, "coarsen: gram"), (WrongBackward, "coarsen: gradient of logits")],
)
def test_a_wrong_backend_is_caught(backend, wrong, monkeypatch):
    monkeypatch.setitem(BACKENDS, "padded", backend)
    rows = correctness.check_case("case", CASE, "padded", "cpu")
    assert all(wrong in row["wrong"] for row in rows[:2])
    assert [row["verdict"] for row in rows[:2]] == [FAILED, FAILED]
    (line,) = table.correctness_lines(rows[1:2])
    assert (line["verdict"], line["of"]) == (FAILED, "padded")
    assert "case (" in line["where it fails"]


def test_small_cases_pass():
    cases = make_cases(seed=0, quick=True)
    for name in ("edgeless", "no nodes at all", "odd sizes, prepared", "undirected EdgeIndex"):
        rows = correctness.check_case(name, cases[name], "auto", "cpu")
        assert {row["verdict"] for row in rows} == {OK}, name
