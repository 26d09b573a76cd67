"""The projection against bisection and against the library ``entmax``."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import jacfwd, jacrev, vmap
from torch.testing import assert_close
from torch_geometric.testing import withPackage

from pyg_diffpool.ops.assignments.entmax15 import entmax15
from tests.ops.assignments.oracle import projection_oracle, some_logits
from tests.problems import leaf, projection

POWER = 2


def test_values():
    logits = some_logits()
    assert_close(entmax15(logits), projection_oracle(logits, POWER), rtol=1e-10, atol=1e-10)


def test_values_do_not_depend_on_a_constant_or_on_leading_dimensions():
    logits = some_logits()
    assert_close(entmax15(logits + 3), entmax15(logits), rtol=1e-10, atol=1e-10)
    assert_close(entmax15(logits.view(8, 5, -1)).view_as(logits), entmax15(logits))


def test_some_entries_are_zero_and_some_rows_have_all():
    count = (entmax15(some_logits()) > 0).sum(1)
    assert count.min() == 1
    assert count.max() == 7


def test_gradients_of_first_and_second_order():
    logits = leaf(some_logits(rows=12).clamp(min=-9))
    assert gradcheck(entmax15, logits)
    assert gradgradcheck(entmax15, logits)


def test_function_transforms():
    logits = some_logits(rows=6).clamp(min=-9)
    jacobian = torch.stack([torch.autograd.functional.jacobian(entmax15, row) for row in logits])
    assert_close(vmap(jacrev(entmax15))(logits), jacobian)
    assert_close(vmap(jacfwd(entmax15))(logits), jacobian)


@withPackage("entmax")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_of_another_library(dtype):
    import entmax

    slopes, values = [], []
    for function in (entmax15, lambda z: entmax.entmax15(z, dim=-1)):
        logits = leaf(some_logits().clamp(min=-9), dtype)
        value = function(logits)
        values.append(value)
        slopes.append(torch.autograd.grad(projection(value), logits)[0])
    assert_close(values[0], values[1])
    assert_close(slopes[0], slopes[1])
