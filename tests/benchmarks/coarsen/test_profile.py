from types import SimpleNamespace

import pytest
import torch

from benchmarks.coarsen import profile as coarsen_profile
from benchmarks.coarsen import table as coarsen_table
from benchmarks.coarsen.batches import tree_like
from benchmarks.coarsen.contenders import CONTENDERS, OURS, forward_backward
from benchmarks.coarsen.profile import (
    COPIES,
    EDGES,
    GEMM,
    LOSSES,
    MARK,
    OBJECTIVE,
    PURPOSES,
    PYTHON,
    REST,
    SHARES,
    SOFTMAX,
    SPARSE,
    by_purpose,
    fill_up,
    marked,
    profile,
)


def problem():
    return tree_like(torch.tensor([200, 1, 300]), 0, num_clusters=16, num_features=8)


def event(name, microseconds=1.0, parent=None, number=-1):
    return SimpleNamespace(
        name=name, self_cpu_time_total=microseconds, cpu_parent=parent, sequence_nr=number
    )


def test_shares_sum_to_the_wall_time(monkeypatch):
    # Every run takes one second by this clock, far longer than its kernels.
    ticks = iter(range(1000))
    monkeypatch.setattr(coarsen_profile.time, "perf_counter", lambda: next(ticks))
    shares = profile(CONTENDERS[OURS], [problem(), problem()], repeats=2)
    assert tuple(shares) == SHARES
    assert sum(shares.values()) == pytest.approx(1000 / 2)
    assert all(0 < shares[purpose] < 100 for purpose in SHARES if purpose != PYTHON)


def test_kernels_that_outlast_the_wall_time_are_scaled_down():
    shares = fill_up({GEMM: 30.0, SPARSE: 10.0}, wall=20.0)
    assert (shares[GEMM], shares[SPARSE], shares[PYTHON]) == (15.0, 5.0, 0.0)
    shares = fill_up({GEMM: 30.0, SPARSE: 10.0}, wall=100.0)
    assert (shares[GEMM], shares[SPARSE], shares[PYTHON]) == (30.0, 10.0, 60.0)
    assert fill_up({}, wall=5.0)[PYTHON] == 5.0


def test_purpose_by_name():
    names = ("aten::bmm", "aten::cat", "aten::exp", "aten::view", "contract", "aten::_sparse_mm_x")
    assert by_purpose([event(name) for name in names]) == {
        GEMM: 1.0, COPIES: 1.0, REST: 1.0, SPARSE: 1.0,
    }  # fmt: skip


def test_purpose_by_the_innermost_function():
    losses = event(MARK + LOSSES, 100.0)
    product = event(MARK + SPARSE, 100.0, losses)
    kernels = [
        losses,
        product,
        event("aten::addmm", 2.0, product),
        event("aten::sum", 3.0, losses),
        event("aten::sum", 5.0),
    ]
    assert by_purpose(kernels) == {SPARSE: 2.0, LOSSES: 3.0, REST: 5.0}


def test_purpose_of_a_backward_kernel_is_that_of_what_recorded_it():
    losses = event(MARK + LOSSES)
    node = event("autograd::engine::evaluate_function: ExpBackward0", number=7)
    inner = event("ExpBackward0", parent=node, number=7)
    events = [
        event("aten::lt", 1.0, number=7),
        losses,
        event("aten::exp", 2.0, losses, number=7),
        node,
        inner,
        event("aten::mul", 4.0, inner, number=9),
        event("aten::mul", 8.0, number=9),
    ]
    assert by_purpose(events) == {REST: 1.0 + 8.0, LOSSES: 2.0 + 4.0}


def test_both_passes_are_recognised():
    with marked(), torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as run:
        forward_backward(CONTENDERS[OURS], problem())
    events = run.events()
    recorders = coarsen_profile._recorders(events)
    found = {}
    for each in events:
        purpose = coarsen_profile._marked(each, recorders)
        found.setdefault(purpose, set()).add(each.name)
    assert "aten::_softmax_backward_data" in found[SOFTMAX]
    assert "aten::sqrt" in found[LOSSES]
    assert "SqrtBackward0" in found[LOSSES]
    assert "aten::_convert_indices_from_coo_to_csr" in found[EDGES]
    assert any("addmm" in name or "sparse" in name for name in found[SPARSE])
    assert "MulBackward0" in found[OBJECTIVE]
    # Ragged products belong to no function but to their name.
    assert {"aten::mm", "aten::bmm"} & found[""]


def test_marks_are_taken_off_again():
    modules = {name: __import__(name, fromlist=["_"]) for name, _, _ in PURPOSES}
    before = [getattr(modules[module], name) for module, name, _ in PURPOSES]
    with pytest.raises(ZeroDivisionError), marked():
        1 / (getattr(modules[PURPOSES[0][0]], PURPOSES[0][1]) is before[0])
    assert [getattr(modules[module], name) for module, name, _ in PURPOSES] == before


def test_table_shows_milliseconds_and_percent():
    shares = dict.fromkeys(SHARES, 0.0) | {GEMM: 1.5, PYTHON: 0.5}
    (line,) = coarsen_table.profiled([{"set": "DD", "profile_ms": shares}, {"set": "DD"}])
    assert line[:2] == ["DD", "2.00"]
    assert line[2:] == ["1.50 (75)" if name == GEMM else "0.50 (25)" if name == PYTHON
                        else "0.00 (0)" for name in SHARES]  # fmt: skip
