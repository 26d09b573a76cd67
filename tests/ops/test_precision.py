"""Which dtype sums are taken in."""

from types import SimpleNamespace

import pytest
import torch

from pyg_diffpool.ops.precision import accumulated, accumulation_dtype, exact, without_autocast

HALF = [torch.float16, torch.bfloat16]


def test_sums_take_the_widest_dtype_and_float32_at_least():
    assert accumulation_dtype() == torch.float32
    assert accumulation_dtype(torch.bfloat16, torch.float16) == torch.float32
    assert accumulation_dtype(torch.float32, torch.bfloat16) == torch.float32
    assert accumulation_dtype(torch.float16, torch.float64) == torch.float64
    assert accumulation_dtype(torch.float64, torch.float16) == torch.float64


@pytest.mark.parametrize("dtype", HALF)
def test_half_precision_is_widened_and_nothing_else(dtype):
    assert accumulated(torch.ones(2, dtype=dtype)).dtype == torch.float32
    for wide in (torch.float32, torch.float64):
        rows = torch.ones(2, dtype=wide)
        assert accumulated(rows) is rows


def test_exact_values_are_float64():
    assert exact(torch.tensor([2**24 + 1])).tolist() == [2.0**24 + 1]
    assert exact(torch.ones(1)).dtype == torch.float64
    # Apple's GPUs have none.
    there = SimpleNamespace(device=torch.device("mps"))
    assert exact(there) is there


def test_autocast_is_switched_off_where_it_was_on():
    rows = torch.ones(2, 2)
    assert (rows @ rows).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (rows @ rows).dtype == torch.bfloat16
        with without_autocast(rows):
            assert (rows @ rows).dtype == torch.float32
        assert (rows @ rows).dtype == torch.bfloat16
    with without_autocast(rows):
        assert (rows @ rows).dtype == torch.float32
