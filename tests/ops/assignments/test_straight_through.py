"""Hard assignments: values, and the surrogate gradient against its definition."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.assignments.straight_through import straight_through
from pyg_diffpool.ops.soft_assignment import soft_assignment_and_entropy
from tests.ops.assignments.oracle import some_logits
from tests.problems import leaf, projection

COLUMNS = torch.tensor([True, True, True, False, True, False, True])


@pytest.mark.parametrize("columns", [None, COLUMNS])
def test_rows_are_one_hot_at_the_largest_logit_in_use(columns):
    logits = some_logits().clamp(min=-9)
    s, _ = straight_through(logits, columns)
    for row, found in zip(logits, s, strict=True):
        allowed = [k for k in range(7) if columns is None or columns[k]]
        best = max(allowed, key=lambda k: (float(row[k]), -k))
        assert found.tolist() == [float(k == best) for k in range(7)]


@pytest.mark.parametrize("columns", [None, COLUMNS])
def test_the_gradient_is_that_of_the_softmax_at_the_one_hot_value(columns):
    """A nonlinear function tells at which value of the assignment it is differentiated."""
    logits = leaf(some_logits(rows=5).clamp(min=-9))
    s, entropy = straight_through(logits, columns)
    (found,) = torch.autograd.grad(projection(s**3, s.exp()) + projection(entropy), logits)

    at = leaf(s)
    (onto,) = torch.autograd.grad(projection(at**3, at.exp()), at)
    soft, soft_entropy = soft_assignment_and_entropy(logits, columns)
    (wanted,) = torch.autograd.grad((soft * onto).sum() + projection(soft_entropy), logits)
    assert_close(found, wanted)


def test_the_entropy_is_that_of_the_softmax():
    logits = some_logits(rows=8)
    assert_close(straight_through(logits)[1], soft_assignment_and_entropy(logits)[1])
