"""All objectives where the pooled level is sparse, against those of dense levels."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.assignments.logits import GivenLogits
from pyg_diffpool.ops.assignments.sparse import SPARSE_ASSIGNMENTS
from pyg_diffpool.ops.conventions import read_convention
from pyg_diffpool.ops.diff_pool import pool
from pyg_diffpool.ops.objectives import OBJECTIVES, Objective
from pyg_diffpool.ops.soft_assignment import cluster_mask
from pyg_diffpool.ops.sparse_pool import sparse_pool
from tests.ops.contract.levels import level_of
from tests.problems import leaf, on_problems, projection

NEAR = {"rtol": 1e-8, "atol": 1e-8}


def overlap(pooling):
    """A user's own objective, which reads the dense assignment and contractions."""
    gram = pooling.coarsening.gram
    used = pooling.clusters.sum(1) if pooling.clusters is not None else 0
    return gram.sum((1, 2)) - pooling.s.sum() * 0 + pooling.coarsening.adj.sum((1, 2)) + used


TABLE = {**OBJECTIVES, "overlap": Objective(overlap)}


@pytest.mark.parametrize("convention", ["paper", "pyg"])
@pytest.mark.parametrize("name", SPARSE_ASSIGNMENTS)
@on_problems()
def test_both_kinds_of_pooled_level_agree(name, convention, problem):
    if problem.batch_size == 0:
        return
    rule, results, slopes = read_convention(convention), [], []
    for sparse in (True, False):
        x, logits, weight = leaf(problem.x), leaf(problem.logits), leaf(problem.weight)
        level = level_of(problem, weight)
        columns = cluster_mask(level.graphs.sizes, 0.6, logits.size(1))
        if sparse:
            given = GivenLogits(logits)
            out = sparse_pool(x, given, level, columns.sum(1), rule, TABLE, name)
            rows = out.x
        else:
            out = pool(x, logits, level, rule, columns, objectives=TABLE, assignment=name)
            rows = out.coarsening.x[columns]
        results.append((rows, out.losses, out.means))
        if name != "straight-through":
            inputs = (x, logits, weight)
            total = projection(rows, *out.losses.values())
            slopes.append(torch.autograd.grad(total, inputs, allow_unused=True))
    assert_close(results[0], results[1], **NEAR)
    if slopes:
        for found, wanted in zip(*slopes, strict=True):
            zero = torch.zeros(())
            assert_close(
                zero if found is None else found, zero if wanted is None else wanted, **NEAR
            )
