"""The convention ``pyg``: one number for the batch, padding included."""

import math

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.conventions.pyg import EPSILON, PyG
from tests.ops.level.levels import dense, sparse
from tests.oracles import link_oracle
from tests.problems import make_problem

PROBLEM = make_problem((5, 0, 3, 1))


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("make", [sparse, dense])
def test_one_norm_for_the_batch(make, normalize):
    level, (_, s) = make(PROBLEM)
    rule = PyG(normalize)
    found = rule.link(s, level, level.squared_distances(s, rule.distances))
    norm = link_oracle(PROBLEM, PROBLEM.s, convention="pyg").sum().sqrt()
    assert_close(found, norm / (4 * 5 * 5) if normalize else norm)


@pytest.mark.parametrize("make", [sparse, dense])
def test_one_mean_over_all_padded_rows(make):
    level, (_, s) = make(PROBLEM)
    rule = PyG()
    rows = -(PROBLEM.s * (PROBLEM.s + EPSILON).log()).sum(1)
    assert_close(rule.entropy(rule.row_entropy(s), level.graphs), rows.sum() / (4 * 5))


def test_rows_are_off_by_an_epsilon_where_float64_shows_it():
    rows = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    assert PyG().row_entropy(rows).item() == -math.log(1 + EPSILON)
    assert PyG().row_entropy(rows.half()).dtype == torch.float32
    assert PyG().row_entropy(rows.half()) == 0


def test_a_scalar_is_its_own_mean():
    value = torch.tensor(3.0)
    assert PyG().mean(value, torch.tensor([1, 2]), pairs=True) is value
    assert PyG.reductions == ("mean",)
    assert PyG.counts_shared_once
    assert PyG().normalize


def test_losses_come_in_the_dtype_of_the_assignment():
    level, (_, s) = sparse(PROBLEM)
    s = s.float()
    assert PyG().link(s, level, level.squared_distances(s)).dtype == torch.float32
