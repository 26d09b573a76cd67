"""The Triton kernels against float64: run by ``test_programs.py`` in a process of its own.

Triton reads ``TRITON_INTERPRET`` when it is first imported, which in a larger run may be long ago.
On a machine with a GPU the kernels themselves are tested:
``pytest tests/ops/backends/triton/cases.py``.
"""

import os
import sys
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from pyg_diffpool import coarsen
from pyg_diffpool.ops.backends.triton import kernels as triton_kernels
from pyg_diffpool.ops.backends.triton.kernels import contract, expand
from tests.problems import make_problem

IMPORTED_TOO_EARLY = "pyg_diffpool.ops.backends.triton.programs" in sys.modules
DEVICE = "cpu" if os.environ.get("TRITON_INTERPRET") else "cuda"
FLOAT32, BFLOAT16, FLOAT16 = torch.float32, torch.bfloat16, torch.float16

# Error of a sum of products, in units of the sum of their absolute values. bfloat16 inputs multiply
# gradients in two parts of 8 bits (which the interpreter cuts off where a GPU rounds). Tensor cores
# round sums towards zero: sums of 100,000 squares in float16 came out 2.0e-6 too small on an H100.
SUM_ERROR = {FLOAT32: 2e-6, BFLOAT16: 5e-5, FLOAT16: 5e-6}
# Error of rounding to the dtype of the result, or of cutting off (bfloat16, the interpreter again).
ROUNDING = {FLOAT32: 0.0, BFLOAT16: 2.0**-7, FLOAT16: 2.0**-10}

# Sizes of graphs, clusters K and features F. Chunks are of 128 rows, or more where K > 32.
SHAPES = {
    "ragged, with empty graphs": ((0, 5, 0, 0, 17, 33, 1, 0), 4, 3),
    "one node": ((1,), 3, 2),
    "one node a graph": ((1, 1, 1), 16, 16),
    "more graphs than one step of the search tells apart": ((1, 0, 2) * 14, 3, 2),
    "no nodes": ((0, 0), 3, 2),
    "no graphs": ((), 3, 2),
    "one cluster, one feature": ((9, 4), 1, 1),
    "no features": ((40, 0, 7), 5, 0),
    "sizes around a chunk": ((127, 128, 129, 0, 255, 256, 257, 3), 8, 8),
    "one graph of several chunks": ((300,), 8, 20),
    "large between small": ((3, 400, 2), 7, 5),
    "powers of two": ((70, 50), 32, 64),
    "no powers of two": ((70, 50), 33, 65),
    "many clusters, tiles of them": ((40, 20), 130, 24),
    "many clusters, no features": ((20, 6), 70, 0),
    "many features, tiles of them": ((60, 20), 6, 300),
}
on_shapes = pytest.mark.parametrize(("sizes", "K", "F"), SHAPES.values(), ids=SHAPES.keys())
on_dtypes = pytest.mark.parametrize(
    "dtypes",
    [
        (BFLOAT16, BFLOAT16, BFLOAT16),
        (FLOAT16, FLOAT16, FLOAT16),
        (BFLOAT16, FLOAT32, BFLOAT16),
        (FLOAT16, FLOAT32, FLOAT16),
        (FLOAT32, FLOAT32, BFLOAT16),
        (BFLOAT16, FLOAT32, FLOAT32),
    ],
    ids=lambda dtypes: ", ".join(str(dtype)[6:] for dtype in dtypes),
)


@dataclass
class Batch:
    sizes: tuple[int, ...]
    x: Tensor
    p: Tensor
    s: Tensor
    grads: tuple[Tensor, Tensor, Tensor]

    @property
    def ptr(self) -> Tensor:
        return torch.tensor([0, *self.sizes], device=DEVICE).cumsum(0)

    def contract(self, **options) -> tuple[Tensor, Tensor, Tensor]:
        return contract(self.x, self.p, self.s, self.ptr, len(self.sizes), **options)

    def expand(self, **options) -> tuple[Tensor, Tensor]:
        return expand(self.x, self.p, self.s, self.ptr, *self.grads, **options)

    def graphs(self):
        """Rows and gradients of each graph in float64, on the CPU."""
        rows = [v.double().cpu().split(list(self.sizes)) for v in (self.x, self.p, self.s)]
        grads = [v.double().cpu().unbind() for v in self.grads]
        return zip(*rows, *grads, strict=True)


def make_batch(sizes, K, F, dtypes=(FLOAT32, FLOAT32, FLOAT32)) -> Batch:
    n, graphs = sum(sizes), len(sizes)
    x, p, s = (
        torch.randn(n, columns).to(DEVICE, dtype)
        for columns, dtype in zip((F, K, K), dtypes, strict=True)
    )
    grads = tuple(torch.randn(graphs, K, columns).to(DEVICE) for columns in (F, K, K))
    return Batch(tuple(sizes), x, p, s, grads)


def assert_contracted(batch: Batch, result: tuple[Tensor, Tensor, Tensor]) -> None:
    error = max(SUM_ERROR[v.dtype] for v in (batch.x, batch.p, batch.s))
    assert [out.dtype for out in result] == [FLOAT32] * 3
    K, F, graphs = batch.s.size(1), batch.x.size(1), len(batch.sizes)
    assert [tuple(out.shape) for out in result] == [(graphs, K, F), (graphs, K, K), (graphs, K, K)]
    for graph, (x, p, s, *_) in enumerate(batch.graphs()):
        for out, rows in zip(result, (x, p, s), strict=True):
            difference = (out[graph].cpu().double() - s.t() @ rows).abs()
            # NaN fails as well: what nobody wrote is NaN (see everything_is_written).
            assert (difference <= error * (s.t().abs() @ rows.abs())).all()


def assert_expanded(batch: Batch, result: tuple[Tensor, Tensor]) -> None:
    error = max(SUM_ERROR[v.dtype] for v in (batch.x, batch.p, batch.s))
    assert [out.dtype for out in result] == [batch.x.dtype, batch.s.dtype]
    assert [out.shape for out in result] == [batch.x.shape, batch.s.shape]
    pieces = zip(*(out.cpu().split(list(batch.sizes)) for out in result), strict=True)
    for (x, p, s, onto_x, onto_p, onto_s), outs in zip(batch.graphs(), pieces, strict=True):
        exact = (s @ onto_x, x @ onto_x.t() + p @ onto_p + s @ onto_s)
        x, p, s, onto_x, onto_p, onto_s = (v.abs() for v in (x, p, s, onto_x, onto_p, onto_s))
        sizes = (s @ onto_x, x @ onto_x.t() + p @ onto_p + s @ onto_s)
        for out, wanted, size in zip(outs, exact, sizes, strict=True):
            rounding = ROUNDING[out.dtype] * wanted.abs()
            assert ((out.double() - wanted).abs() <= rounding + error * size).all()


@pytest.fixture(autouse=True)
def everything_is_written():
    """Let torch.empty return NaN."""
    torch.use_deterministic_algorithms(True)
    assert torch.empty(1, device=DEVICE).isnan()
    yield
    torch.use_deterministic_algorithms(False)


def test_programs_are_not_imported_before_they_are_needed():
    assert not IMPORTED_TOO_EARLY


@on_shapes
def test_contract(sizes, K, F):
    batch = make_batch(sizes, K, F)
    assert_contracted(batch, batch.contract())


@on_shapes
def test_expand(sizes, K, F):
    batch = make_batch(sizes, K, F)
    assert_expanded(batch, batch.expand())


@on_dtypes
def test_dtypes(dtypes):
    batch = make_batch((30, 0, 135), 20, 18, dtypes)
    assert_contracted(batch, batch.contract())
    assert_expanded(batch, batch.expand())


def test_wide_tiles_of_half_precision():
    batch = make_batch((70, 60), 66, 66, (BFLOAT16,) * 3)
    assert_contracted(batch, batch.contract())
    assert_expanded(batch, batch.expand())


@pytest.mark.parametrize("precision", triton_kernels.PRECISIONS)
def test_precision(precision, monkeypatch):
    if precision == "tf32":
        monkeypatch.setitem(SUM_ERROR, FLOAT32, 2e-3)
    elif precision == "tf32x3":
        monkeypatch.setitem(SUM_ERROR, FLOAT32, 1e-5)
    batch = make_batch((140, 12), 40, 24)
    assert_contracted(batch, batch.contract(precision=precision))
    assert_expanded(batch, batch.expand(precision=precision))


def test_more_chunks_than_are_added_at_once(monkeypatch):
    monkeypatch.setattr(triton_kernels, "MIN_CHUNK", 16)
    batch = make_batch((17, 1030, 0, 16, 1), 2, 3)
    assert_contracted(batch, batch.contract())


def test_chunks_of_random_sizes(monkeypatch):
    monkeypatch.setattr(triton_kernels, "MIN_CHUNK", 16)
    for _ in range(3):
        sizes = torch.randint(50, (8,)) * torch.randint(2, (8,))
        batch = make_batch(sizes.tolist(), 2, 1)
        assert_contracted(batch, batch.contract())
        assert_expanded(batch, batch.expand())


def test_narrow_tiles(monkeypatch):
    monkeypatch.setattr(triton_kernels, "_widest_tile", lambda device: 64)
    for dtype in (FLOAT32, BFLOAT16):
        batch = make_batch((30, 21), 66, 65, (dtype,) * 3)
        assert_contracted(batch, batch.contract())
        assert_expanded(batch, batch.expand())


def test_layouts():
    batch = make_batch((30, 0, 140), 5, 6)
    strided = torch.full((170, 20), float("nan"), device=DEVICE)
    strided[:, :6], strided[:, 6:11], strided[:, 11:16] = batch.x, batch.p, batch.s
    by_column = [v.t().contiguous().t() for v in (batch.x, batch.p, batch.s)]
    every_other = torch.full((170, 2, 6), float("nan"), device=DEVICE)
    every_other[:, 0] = batch.x
    grads = (
        batch.grads[0].transpose(1, 2).contiguous().transpose(1, 2),
        batch.grads[1].new_full((), 0.5).expand(3, 5, 5),
        batch.grads[2].transpose(1, 2),
    )
    for x, p, s in (
        (strided[:, :6], strided[:, 6:11], strided[:, 11:16]),
        by_column,
        (every_other[:, 0], batch.p, batch.s),
    ):
        other = Batch(batch.sizes, x, p, s, grads)
        assert_contracted(other, other.contract())
        assert_expanded(other, other.expand())


def test_runs_are_equal_bit_by_bit():
    batch = make_batch((3, 290), 6, 7)
    for first, second in (
        (batch.contract(), batch.contract()),
        (batch.expand(), batch.expand()),
    ):
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_inputs_are_left_alone():
    batch = make_batch((150, 3), 6, 7)
    inputs = (batch.x, batch.p, batch.s, *batch.grads)
    before = [v.clone() for v in inputs]
    batch.contract(), batch.expand()
    assert all(torch.equal(a, b) for a, b in zip(inputs, before, strict=True))


@pytest.mark.parametrize("dtype", [FLOAT32, BFLOAT16])
@pytest.mark.parametrize("directed", [False, True])
def test_behind_the_operator(directed, dtype):
    """Features in half precision, everything else in float32; directed edges have weights."""
    weights = "positive" if directed else "none"
    problem = make_problem((5, 0, 40, 1), num_clusters=4, directed=directed, weights=weights)
    upstream = [torch.randn(4, 4, columns, dtype=torch.float64) for columns in (2, 4, 4)]

    def run(backend, device, *dtypes):
        rows = [problem.x, problem.s, *([problem.edge_weight] if directed else [])]
        inputs = [
            tensor.to(device, dtype).requires_grad_()
            for tensor, dtype in zip(rows, dtypes, strict=False)
        ]
        x, s, weight = (*inputs, None)[:3]
        out = coarsen(
            x,
            s,
            problem.edge_index.to(device),
            weight,
            problem.batch.to(device),
            4,
            max_num_nodes=40,
            backend=backend,
        )
        total = sum((a * b.to(a)).sum() for a, b in zip(out, upstream, strict=True))
        return [*out, *torch.autograd.grad(total, inputs)]

    x = problem.x.to(dtype).double()
    problem = replace(problem, x=x)
    found = run("triton", DEVICE, dtype, FLOAT32, FLOAT32)
    expected = run("ragged", "cpu", torch.float64, torch.float64, torch.float64)
    half = {"rtol": 2e-2, "atol": 2e-2} if dtype != FLOAT32 else {"rtol": 1e-5, "atol": 1e-5}
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a.cpu().double(), b, **half)


class NoSynchronisation(TorchDispatchMode):
    """Refuses to bring a value from the device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func is not torch.ops.aten._local_scalar_dense.default
        assert func is not torch.ops.aten.nonzero.default
        return func(*args, **(kwargs or {}))


def assert_nothing_waits(run) -> None:
    """Run once without a value brought from the device, there also where torch finds waiting."""
    with NoSynchronisation():
        run()
    if DEVICE == "cuda":
        torch.cuda.set_sync_debug_mode("error")
        try:
            run()
        finally:
            torch.cuda.set_sync_debug_mode("default")


def test_nothing_waits_for_the_device():
    batch = make_batch((150, 0, 3), 6, 7)
    ptr = batch.ptr

    def run():
        contract(batch.x, batch.p, batch.s, ptr, 3)
        expand(batch.x, batch.p, batch.s, ptr, *batch.grads)

    assert_nothing_waits(run)


@pytest.mark.skipif(DEVICE == "cpu", reason="too large for the interpreter")
@pytest.mark.parametrize("dtype", [FLOAT32, BFLOAT16, FLOAT16])
@pytest.mark.parametrize(("K", "F"), [(32, 64), (64, 64), (128, 128), (100, 89)])
def test_large_batches(K, F, dtype):
    for sizes in ((100_000,), (37,) * 2000, (50_000, *(10,) * 500)):
        batch = make_batch(sizes, K, F, (dtype,) * 3)
        assert_contracted(batch, batch.contract())
        assert_expanded(batch, batch.expand())
