from types import SimpleNamespace

import pytest
import torch

from benchmarks.timing.batches import tree_like
from benchmarks.timing.profile import (
    COPIES,
    PRODUCTS,
    PYTHON,
    REST,
    SHARES,
    by_purpose,
    fill_up,
    profile,
)
from benchmarks.timing.rivals import CONTENDERS, OBJECTIVE, OURS


def problem():
    return tree_like(torch.tensor([200, 1, 300]), 0, num_clusters=16, num_features=8)


def event(name, microseconds=1.0, parent=None):
    return SimpleNamespace(name=name, self_cpu_time_total=microseconds, cpu_parent=parent)


def test_shares_sum_to_the_wall_time(monkeypatch):
    # Every run takes one second by this clock, far longer than its kernels.
    ticks = iter(range(1000))
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    shares = profile(CONTENDERS[OURS], [problem(), problem()], repeats=2)
    assert tuple(shares) == SHARES
    assert sum(shares.values()) == pytest.approx(1000 / 2)
    assert all(0 < shares[purpose] < 100 for purpose in SHARES if purpose != PYTHON)


def test_kernels_that_outlast_the_wall_time_are_scaled_down():
    shares = fill_up({PRODUCTS: 30.0, COPIES: 10.0}, wall=20.0)
    assert (shares[PRODUCTS], shares[COPIES], shares[PYTHON]) == (15.0, 5.0, 0.0)
    shares = fill_up({PRODUCTS: 30.0, COPIES: 10.0}, wall=100.0)
    assert (shares[PRODUCTS], shares[COPIES], shares[PYTHON]) == (30.0, 10.0, 60.0)
    assert fill_up({}, wall=5.0)[PYTHON] == 5.0


def test_purpose_by_name():
    names = ("aten::bmm", "aten::cat", "aten::exp", "aten::view", "contract", "aten::_sparse_mm_x")
    assert by_purpose([event(name) for name in names]) == {
        PRODUCTS: 2.0, COPIES: 1.0, REST: 1.0,
    }  # fmt: skip


def test_kernels_of_the_objective_are_its_own():
    mark = event(OBJECTIVE)
    kernels = [
        mark,
        event("aten::mm", 2.0, mark),
        event("aten::mul", 3.0, event("aten::sum", 5.0, mark)),
        event("aten::mm", 7.0),
    ]
    assert by_purpose(kernels) == {OBJECTIVE: 5.0, PRODUCTS: 7.0}
