"""Logits as a matrix, and as rows with a linear layer that is multiplied when needed."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.assignments.logits import GivenLogits, LinearLogits
from pyg_diffpool.ops.sparse_matrix import make_pattern

GENERATOR = torch.Generator().manual_seed(0)
HIDDEN = torch.randn(4, 3, generator=GENERATOR, dtype=torch.float64)
WEIGHT = torch.randn(5, 3, generator=GENERATOR, dtype=torch.float64)
BIAS = torch.randn(5, generator=GENERATOR, dtype=torch.float64)
MATRIX = HIDDEN @ WEIGHT.t()
CASES = {
    "given": (GivenLogits(MATRIX), MATRIX),
    "linear": (LinearLogits(HIDDEN, WEIGHT, BIAS), MATRIX + BIAS),
    "without bias": (LinearLogits(HIDDEN, WEIGHT, None), MATRIX),
}
PATTERN = make_pattern(torch.tensor([0, 2, 2]), torch.tensor([4, 0, 3]), 4, 5)


@pytest.mark.parametrize("name", CASES)
def test_parts(name):
    logits, matrix = CASES[name]
    assert logits.columns == 5
    assert_close(logits.matrix(), matrix)
    assert_close(logits.rows(1, 3, 2).matrix(), matrix[1:3, :2])
    assert_close(logits.entries(PATTERN), matrix[PATTERN.row, PATTERN.col])


@pytest.mark.parametrize("temperature", [1.0, 0.5, torch.tensor(2.0)])
@pytest.mark.parametrize("name", CASES)
def test_a_temperature_divides_them(name, temperature):
    logits, matrix = CASES[name]
    assert_close(logits.scaled(temperature).matrix(), matrix / temperature)


@pytest.mark.parametrize("name", CASES)
def test_half_precision_becomes_single(name):
    logits = type(CASES[name][0])(*[p if p is None else p.half() for p in CASES[name][0]])
    assert logits.scaled(0.5).matrix().dtype == torch.float32
    assert logits.scaled(0.5).entries(PATTERN).dtype == torch.float32
