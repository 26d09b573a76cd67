"""The entropy objective: what the convention makes of the entropies of rows."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.conventions import read_convention
from pyg_diffpool.ops.objectives import Pooling
from pyg_diffpool.ops.objectives.entropy import ENTROPY
from tests.ops.level.levels import PROBLEM, dense, sparse
from tests.oracles import entropy_oracle


@pytest.mark.parametrize("make", [sparse, dense])
def test_each_convention_divides_in_its_own_way(make):
    level, (x, s) = make()
    sums = entropy_oracle(PROBLEM, PROBLEM.s)
    wanted = {
        "paper": sums / torch.tensor(PROBLEM.sizes).double(),
        "reference": sums,
        "pyg": sums.sum() / (3 * 6),
    }
    for name, values in wanted.items():
        rule = read_convention(name)
        rows = rule.row_entropy(level.graphs.mask_rows(s))
        pooling = Pooling(level, s, level.contract(x, s)[0], rule, row_entropy=rows)
        assert_close(ENTROPY.values(pooling), values)
        assert_close(ENTROPY.values(pooling._replace(row_entropy=None)), values)
    assert ENTROPY.by_convention
    assert not ENTROPY.pairs
