"""The convention ``reference``: sums for each graph, means over all nodes or pairs of a batch."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.conventions.reference import Reference
from tests.ops.level.levels import dense, sparse
from tests.oracles import entropy_oracle, link_oracle
from tests.problems import make_problem

PROBLEM = make_problem((5, 0, 3, 1), weights="positive", duplicates=False)


@pytest.mark.parametrize("make", [sparse, dense])
def test_sums_of_each_graph(make):
    level, (_, s) = make(PROBLEM)
    rule = Reference()
    found = rule.link(s, level, None)
    assert_close(found, link_oracle(PROBLEM, PROBLEM.s, convention="reference"))
    rows = rule.row_entropy(s)
    assert_close(rule.entropy(rows, level.graphs), entropy_oracle(PROBLEM, PROBLEM.s))


def test_means_are_over_all_nodes_or_pairs():
    values, sizes = torch.tensor([2.0, 0.0, 6.0]), torch.tensor([2, 0, 4])
    assert_close(Reference().mean(values, sizes, pairs=True), torch.tensor(8 / 20))
    assert_close(Reference().mean(values, sizes, pairs=False), torch.tensor(8 / 6))
    for pairs in (True, False):
        assert Reference().mean(values[1:2], sizes[1:2], pairs=pairs) == 0


def test_losses_come_in_the_dtype_of_the_assignment():
    level, (_, s) = sparse(PROBLEM)
    rule, s = Reference(), s.float()
    assert rule.link(s, level, None).dtype == torch.float32
    assert rule.entropy(rule.row_entropy(s), level.graphs).dtype == torch.float32


def test_its_link_loss_takes_probabilities_and_no_distances():
    assert Reference.probabilities
    assert Reference.distances is None
    assert not Reference.links_pooled_levels
