"""The link objective: what the convention makes of a level and its squared distances."""

import pytest
from torch.testing import assert_close

from pyg_diffpool.ops.conventions import read_convention
from pyg_diffpool.ops.objectives import Pooling
from pyg_diffpool.ops.objectives.link import LINK
from tests.ops.level.levels import dense, sparse
from tests.oracles import link_oracle
from tests.problems import make_problem

PROBLEM = make_problem((6, 1, 4), weights="positive", duplicates=False)


@pytest.mark.parametrize("make", [sparse, dense])
@pytest.mark.parametrize("name", ["paper", "reference", "pyg"])
def test_each_convention_compares_in_its_own_way(name, make):
    level, (x, s) = make(PROBLEM)
    rule = read_convention(name)
    coarsening, squared = level.contract(x, s, distances=rule.distances)
    pooling = Pooling(level, s, coarsening, rule, squared=squared)
    wanted = link_oracle(PROBLEM, PROBLEM.s, convention=name)
    if name == "pyg":
        wanted = wanted.sum().sqrt() / (3 * 6**2)
    assert_close(LINK.values(pooling), wanted)
    assert LINK.by_convention
    assert LINK.pairs
