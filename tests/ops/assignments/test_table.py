"""What all entries of the table of assignments have in common."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.assignments import ASSIGNMENTS, assignment_and_entropy
from tests.ops.assignments.oracle import some_logits
from tests.problems import leaf

COLUMNS = torch.tensor([True, True, True, False, True, False, True])


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_rows_sum_to_one_over_the_columns_in_use(name):
    logits = leaf(some_logits().clamp(min=-9))
    s, entropy = assignment_and_entropy(name, logits, COLUMNS)
    assert_close(s.sum(1), torch.ones(40, dtype=torch.float64))
    assert s[:, ~COLUMNS].count_nonzero() == 0
    assert entropy.shape == (40,)
    assert (entropy > -1e-12).all()
    (s.square().sum() + entropy.sum()).backward()
    assert logits.grad.isfinite().all()
    assert logits.grad[:, ~COLUMNS].count_nonzero() == 0


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_the_temperature_divides_the_logits(name):
    logits = some_logits()
    for temperature in (0.25, torch.tensor(0.25)):
        found = assignment_and_entropy(name, logits, temperature=temperature)
        assert_close(found, assignment_and_entropy(name, 4 * logits))


@pytest.mark.parametrize("name", ASSIGNMENTS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_assigned_in_float32(name, dtype):
    logits = some_logits().clamp(min=-9).to(dtype)
    found = assignment_and_entropy(name, logits)
    wanted = assignment_and_entropy(name, logits.float())
    assert found[0].dtype == found[1].dtype == torch.float32
    assert_close(found, wanted)
