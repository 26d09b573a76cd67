"""Maxima over the nodes of each graph, against loops over graphs and columns."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.maximum import dense_maximum, sparse_maximum

# The second column has ties, the first graph's rows are equal.
X = torch.tensor([[1.0, 2.0], [1.0, 2.0], [3.0, 0.0], [-4.0, 5.0], [2.0, 5.0]]).double()
BATCH = torch.tensor([0, 0, 2, 2, 2])
MASK = torch.tensor([[True, True, False], [False, False, False], [True, True, True]])
COTANGENT = torch.tensor([[6.0, 12.0], [7.0, 7.0], [18.0, 24.0]]).double()
MAXIMA = torch.tensor([[1.0, 2.0], [0.0, 0.0], [3.0, 5.0]]).double()
# Each gradient is shared by the rows that have the maximum.
ONTO = torch.tensor([[3.0, 6.0], [3.0, 6.0], [18.0, 0.0], [0.0, 12.0], [0.0, 12.0]]).double()


# Row of each place; the last one stands for padding.
PLACES = torch.tensor([0, 1, 5, 5, 5, 5, 2, 3, 4])


def padded(rows):
    # Padding holds what must neither be read nor have a gradient.
    return torch.cat([rows, torch.full((1, 2), 99.0).double()])[PLACES].view(3, 3, 2)


def sparse(rows):
    return sparse_maximum(rows, BATCH, 3)


def dense(rows):
    return dense_maximum(padded(rows), MASK)


@pytest.mark.parametrize("maximum", [sparse, dense])
def test_values_and_shares_of_the_gradient(maximum):
    x = X.clone().requires_grad_()
    found = maximum(x)
    assert_close(found, MAXIMA)
    (onto,) = torch.autograd.grad(found, x, COTANGENT)
    assert_close(onto, ONTO)


def test_without_a_mask_all_rows_are_nodes():
    x = X[:4].view(2, 2, 2).clone().requires_grad_()
    found = dense_maximum(x, None)
    assert_close(found, torch.tensor([[1.0, 2.0], [3.0, 5.0]]).double())
    (onto,) = torch.autograd.grad(found.sum(), x)
    assert_close(onto[0], torch.full((2, 2), 0.5).double())
    assert_close(onto[1], torch.eye(2).double())


@pytest.mark.parametrize("maximum", [sparse, dense])
def test_derivatives_of_two_orders_and_the_number_of_graphs(maximum):
    x = torch.randn(5, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(maximum, x)
    assert torch.autograd.gradgradcheck(maximum, x)
    found = torch.func.vmap(maximum)(torch.stack([X, -X]))
    assert_close(found, torch.stack([maximum(X), maximum(-X)]))
    assert_close(sparse_maximum(X, BATCH, None), MAXIMA)


@pytest.mark.parametrize("maximum", [sparse, dense])
def test_a_row_that_is_not_a_number_has_no_gradient_and_spoils_its_graph_alone(maximum):
    x = X.index_fill(0, torch.tensor([1]), torch.nan).requires_grad_()
    found = maximum(x)
    assert found[0].isnan().all()
    assert_close(found[1:].detach(), MAXIMA[1:])
    (onto,) = torch.autograd.grad(found, x, COTANGENT)
    assert_close(onto[2:], ONTO[2:])
    assert_close(onto[:2], torch.zeros(2, 2).double())


def test_the_plain_form_shares_a_maximum_of_zero_between_rows_only():
    # As of a channel that is inactive for all nodes.
    x = torch.zeros(5, 2).double()
    onto = torch.func.grad(lambda rows: (sparse_maximum(rows, BATCH, 3) * COTANGENT).sum())(x)
    assert_close(onto, COTANGENT[BATCH] / torch.tensor([2, 2, 3, 3, 3]).unsqueeze(1))
    assert_close(torch.func.vmap(sparse)(-X.unsqueeze(0))[0], sparse(-X))
