"""The convention ``paper``: a norm and a mean entropy for each graph."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.conventions.paper import Paper
from tests.ops.level.levels import dense, sparse
from tests.oracles import entropy_oracle, link_oracle
from tests.problems import make_problem

PROBLEM = make_problem((5, 0, 3, 1))


@pytest.mark.parametrize("scale", [None, "nodes"])
@pytest.mark.parametrize("make", [sparse, dense])
def test_the_norm_of_each_graph(make, scale):
    level, (_, s) = make(PROBLEM)
    found = Paper(scale).link(s, level, level.squared_distances(s))
    assert_close(found, link_oracle(PROBLEM, PROBLEM.s, scale=scale))


@pytest.mark.parametrize("make", [sparse, dense])
def test_the_mean_entropy_of_each_graph(make):
    level, (_, s) = make(PROBLEM)
    rule = Paper()
    sizes = torch.tensor([5.0, 1.0, 3.0, 1.0]).double()
    found = rule.entropy(rule.row_entropy(s), level.graphs)
    assert_close(found, entropy_oracle(PROBLEM, PROBLEM.s) / sizes)


def test_losses_come_in_the_dtype_of_the_assignment():
    level, (_, s) = sparse(PROBLEM)
    rule, s = Paper(), s.float()
    assert rule.link(s, level, level.squared_distances(s)).dtype == torch.float32
    assert rule.entropy(rule.row_entropy(s), level.graphs).dtype == torch.float32
    assert Paper().scale is None
