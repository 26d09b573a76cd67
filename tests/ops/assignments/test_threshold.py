"""Thresholds by Newton's method and by sorting, against bisection."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.assignments.threshold import _by_newton, _by_sorting, shifted, threshold
from tests.ops.assignments.oracle import projection_oracle, some_logits

POWERS = [1, 2]


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("find", [_by_newton, _by_sorting, threshold])
def test_both_ways_find_the_root(find, power):
    logits = some_logits()
    z = shifted(logits / power)
    found = (z - find(z, power)).clamp(min=0).pow(power)
    assert_close(found, projection_oracle(logits, power), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("find", [_by_newton, _by_sorting])
def test_rows_sum_to_one_in_float32(find, power):
    z = shifted(torch.randn(50, 300, generator=torch.Generator().manual_seed(1)))
    found = (z - find(z, power)).clamp(min=0).pow(power)
    assert_close(found.sum(1), torch.ones(50), rtol=0, atol=2e-6)


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("find", [_by_newton, _by_sorting])
def test_rows_that_are_not_finite_end(find, power):
    assert find(shifted(torch.tensor([[0.0, torch.nan]])), power).isnan().all()


def test_shifted_rows_are_finite():
    z = shifted(torch.tensor([[-torch.inf, 3.0, 2.5]]))
    assert z.tolist() == [[-2.0, 0.0, -0.5]]


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("find", [_by_newton, _by_sorting])
@pytest.mark.parametrize("columns", [2, 3, 7, 400])
def test_masked_columns_are_never_in_the_support(columns, find, power):
    """Nor are those a whole unit below the largest one."""
    for lowest in (-torch.inf, -1.0 * power):
        logits = torch.full((1, columns), lowest, dtype=torch.float64)
        logits[0, 1] = 0.0
        z = shifted(logits / power)
        found = (z - find(z, power)).clamp(min=0).pow(power)
        assert_close(found, torch.nn.functional.one_hot(torch.tensor([1]), columns).double())
        if lowest == -torch.inf:
            assert int((z > find(z, power)).sum()) == 1
