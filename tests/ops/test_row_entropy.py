"""The entropy of a row, and its slope where 1/s would not be finite."""

import math

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from pyg_diffpool.ops.row_entropy import entropy_of_rows
from tests.problems import leaf

ROWS = torch.tensor([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]], dtype=torch.float64)
# -p log p, and its slope -(log p + 1), which counts as 0 where it is infinite, and at 1.
VALUES = [0.25 * math.log(4) + 0.75 * math.log(4 / 3), 0.0, math.log(2)]
SLOPES = [[math.log(4) - 1, math.log(4 / 3) - 1], [0.0, 0.0], [math.log(2) - 1] * 2]


@pytest.mark.parametrize("shape", [(3, 2), (1, 3, 2), (3, 1, 2)])
def test_values_and_slopes(shape):
    s = leaf(ROWS.view(shape))
    found = entropy_of_rows(s)
    assert_close(found, torch.tensor(VALUES).double().view(shape[:-1]), rtol=1e-7, atol=1e-7)
    weights = torch.tensor([1.0, 2.0, 3.0]).double().view(shape[:-1])
    (slope,) = torch.autograd.grad((found * weights).sum(), s)
    wanted = torch.tensor(SLOPES).double().view(shape) * weights.unsqueeze(-1)
    assert_close(slope, wanted, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_float32(dtype):
    s = leaf(ROWS, dtype)
    found = entropy_of_rows(s)
    assert found.dtype == torch.float32
    assert_close(found, torch.tensor(VALUES), rtol=1e-6, atol=1e-6)
    (slope,) = torch.autograd.grad(found.sum(), s)
    assert slope.dtype == dtype
    assert_close(slope.double(), torch.tensor(SLOPES).double(), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_slopes_are_finite_however_small_a_probability(dtype):
    tiny = torch.finfo(dtype).tiny
    rows = [[tiny, 1.0], [tiny / 4, 1.0], [-tiny / 4, 1.0]]
    s = leaf(torch.tensor(rows, dtype=dtype))
    (slope,) = torch.autograd.grad(entropy_of_rows(s).sum(), s, create_graph=True)
    assert_close(slope[0, 0].item(), -math.log(tiny) - 1, rtol=1e-6, atol=0.0)
    assert slope[1:].count_nonzero() == 0
    (curvature,) = torch.autograd.grad(slope.sum(), s)
    assert curvature.isfinite().all()


def test_derivatives_inside():
    s = leaf(torch.tensor([[0.2, 0.8], [0.6, 0.4]]), torch.float64)
    assert gradcheck(entropy_of_rows, s)
    assert gradgradcheck(entropy_of_rows, s)
    slope = torch.func.grad(lambda rows: entropy_of_rows(rows).sum())(s.detach())
    assert_close(slope, -(s.detach().log() + 1))


def test_autocast_changes_nothing():
    s = ROWS.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_close(entropy_of_rows(s), torch.tensor(VALUES), rtol=1e-6, atol=1e-6)
