"""The part that MinCut and DMoN share: one coarsening for all results."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.normalized_adjacency import normalized_adjacency
from pyg_diffpool.ops.normalized_pooling import pool_and_normalize
from pyg_diffpool.ops.objectives import OBJECTIVES
from tests.ops.level.levels import dense, sparse
from tests.ops.objectives.losses import oracle_of
from tests.oracles import coarsen_oracle
from tests.problems import make_problem

PROBLEM = make_problem((5, 0, 3), weights="positive", duplicates=False)


@pytest.mark.parametrize("make", [sparse, dense])
def test_results(make):
    level, (x, _) = make(PROBLEM)
    logits = PROBLEM.logits if make is sparse else PROBLEM.to_dense(PROBLEM.logits)[0]
    objectives = (OBJECTIVES["cut"], OBJECTIVES["collapse"])
    out = pool_and_normalize(x, logits, level, objectives, "auto")
    pooled, adj, _ = coarsen_oracle(PROBLEM, PROBLEM.x, PROBLEM.s)
    assert_close(out.x, pooled)
    assert_close(out.adj, normalized_adjacency(adj))
    rows = PROBLEM.s if make is sparse else PROBLEM.to_dense(PROBLEM.s)[0]
    assert_close(out.s, rows)
    for name, loss in zip(("cut", "collapse"), out.losses, strict=True):
        assert_close(loss, oracle_of(name, PROBLEM, PROBLEM.s).sum() / 3)


def test_features_keep_their_dtype():
    level, (x, s) = sparse(PROBLEM)
    out = pool_and_normalize(x.half(), s.half(), level, (), "auto")
    assert out.x.dtype == torch.float16
    assert out.adj.dtype == torch.float64
