"""Sums over pairs, against a loop; and their gradients."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import jacfwd, jacrev
from torch.testing import assert_close

from pyg_diffpool.ops.pair_sums import pair_sums
from tests.problems import leaf

LEFT, RIGHT = torch.tensor([0, 0, 2, 2, 1]), torch.tensor([1, 0, 1, 1, 0])
ENTRY = torch.tensor([3, 0, 0, 0, 1])
X = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
Y = torch.tensor([3.0, -0.25], dtype=torch.float64)


def sums(x, y, kind=torch.int32):
    return pair_sums(x, LEFT.to(kind), y, RIGHT.to(kind), ENTRY.to(kind), 4)


@pytest.mark.parametrize("kind", [torch.int32, torch.int64])
def test_values(kind):
    wanted = [0.0] * 4
    for left, right, entry in zip(LEFT, RIGHT, ENTRY, strict=True):
        wanted[entry] += float(X[left] * Y[right])
    assert sums(X, Y, kind).tolist() == wanted


def test_gradients_of_first_and_second_order():
    inputs = leaf(X), leaf(Y)
    assert gradcheck(sums, inputs)
    assert gradgradcheck(sums, inputs)


def test_function_transforms():
    wanted = torch.autograd.functional.jacobian(sums, (X, Y))
    assert_close(jacrev(sums, argnums=(0, 1))(X, Y), wanted)
    assert_close(jacfwd(sums, argnums=(0, 1))(X, Y), wanted)


def test_without_pairs_there_are_zeros():
    none = LEFT[:0]
    x = leaf(X)
    out = pair_sums(x, none, Y, none, none, 2)
    out.sum().backward()
    assert out.tolist() == [0, 0]
    assert x.grad.tolist() == [0, 0, 0]
