"""What conventions share: their means and reductions, and a root with a slope at zero."""

import math

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.conventions.base import Convention, square_root
from tests.problems import leaf

SIZES = torch.tensor([2, 0, 4])


def test_the_mean_is_over_graphs_an_empty_one_included():
    values = torch.tensor([2.0, 0.0, 7.0])
    for pairs in (True, False):
        assert_close(Convention().mean(values, SIZES, pairs=pairs), torch.tensor(3.0))
    assert Convention().mean(values[:0], SIZES[:0], pairs=True) == 0


def test_reductions():
    values, rule = torch.tensor([2.0, 0.0, 7.0]), Convention()
    assert rule.reduce(values, SIZES, "none", pairs=True) is values
    assert_close(rule.reduce(values, SIZES, "sum", pairs=True), torch.tensor(9.0))
    assert_close(rule.reduce(values, SIZES, "mean", pairs=True), torch.tensor(3.0))


def test_rows_have_their_exact_entropy():
    rows = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    assert_close(Convention().row_entropy(rows), torch.tensor([0.0, math.log(2)]))


def test_what_a_convention_must_say_itself():
    with pytest.raises(NotImplementedError):
        Convention().link(torch.ones(1, 1), None, None)
    with pytest.raises(NotImplementedError):
        Convention().entropy(torch.ones(1), None)


def test_defaults_are_those_of_a_convention_without_options():
    assert Convention.options == ()
    assert Convention.reductions == ("mean", "sum", "none")
    assert Convention.distances == "graphs"
    assert not Convention.probabilities
    assert not Convention.counts_shared_once
    assert Convention.links_pooled_levels


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_root_and_its_slope(dtype):
    squared = leaf(torch.tensor([4.0, 0.25, 0.0, -1e-30]), dtype)
    root = square_root(squared)
    assert_close(root.detach(), torch.tensor([2.0, 0.5, 0.0, 0.0], dtype=dtype))
    (slope,) = torch.autograd.grad(root.sum(), squared, create_graph=True)
    assert_close(slope.detach(), torch.tensor([0.25, 1.0, 0.0, 0.0], dtype=dtype))
    (curvature,) = torch.autograd.grad(slope.sum(), squared)
    assert_close(curvature, torch.tensor([-1 / 32, -2.0, 0.0, 0.0], dtype=dtype))


def test_what_rounding_left_counts_as_zero():
    smallest = torch.finfo(torch.float64).tiny ** 0.5
    squared = torch.tensor([smallest, 4 * smallest], dtype=torch.float64)
    wanted = torch.tensor([0.0, (4 * smallest) ** 0.5], dtype=torch.float64)
    assert_close(square_root(squared), wanted, atol=0.0, rtol=1e-12)
