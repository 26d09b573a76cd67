"""Pooling to a sparse level: dtypes and what it computes; values are tested with the objectives."""

import torch
from torch.testing import assert_close

from pyg_diffpool.ops.assignments.logits import GivenLogits
from pyg_diffpool.ops.conventions import read_convention
from pyg_diffpool.ops.objectives import OBJECTIVES
from pyg_diffpool.ops.sparse_pool import sparse_pool
from tests.ops.contract.levels import level_of
from tests.problems import make_problem

PROBLEM = make_problem((5, 3), num_clusters=4, weights="positive")


def pooled(x, objectives=None, **options):
    level = level_of(PROBLEM, PROBLEM.weight.to(x.dtype))
    counts = torch.tensor([3, 2])
    logits = GivenLogits(PROBLEM.logits.to(x.dtype))
    rule = read_convention("paper")
    return sparse_pool(x, logits, level, counts, rule, objectives or {}, "entmax15", **options)


def test_dtypes():
    for dtype, wide in ((torch.bfloat16, torch.float32), (torch.float64, torch.float64)):
        out = pooled(PROBLEM.x.to(dtype), {"link": OBJECTIVES["link"]})
        assert out.x.dtype == dtype
        assert out.adjacency.weight.dtype == out.assignment.dtype == wide
        assert out.losses["link"].dtype == wide


def test_the_temperature_divides_the_logits():
    hot, cold = pooled(PROBLEM.x, temperature=50.0), pooled(PROBLEM.x, temperature=0.01)
    assert hot.assignment.value.numel() == 5 * 3 + 3 * 2
    assert_close(cold.assignment.value, torch.ones(8, dtype=torch.float64))


def test_only_chosen_objectives_are_computed():
    out = pooled(PROBLEM.x, {"cut": OBJECTIVES["cut"]})
    assert list(out.losses) == list(out.means) == ["cut"]
    assert_close(out.means["cut"], out.losses["cut"].mean())
