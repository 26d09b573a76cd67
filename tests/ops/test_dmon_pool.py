"""DMoN pooling with given logits; with an MLP, it is tested as a module."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops import coarsen, dmon_pool
from tests.ops.objectives.losses import oracle_of
from tests.problems import CORNER_CASES, leaf, make_problem

PROBLEM = make_problem((5, 0, 3), weights="positive", duplicates=False)


def given(problem, weight):
    return problem.edge_index, weight, problem.batch, problem.batch_size


def test_results():
    s, x, adj, *losses = dmon_pool(PROBLEM.x, PROBLEM.logits, *given(PROBLEM, PROBLEM.edge_weight))
    assert_close(s, PROBLEM.s)
    coarse = coarsen(PROBLEM.x, PROBLEM.s, *given(PROBLEM, PROBLEM.edge_weight), normalize_adj=True)
    assert_close(x, torch.nn.functional.selu(coarse.x))
    assert_close(adj, coarse.adj)
    names = ("modularity", "orthogonality", "collapse")
    for name, loss in zip(names, losses, strict=True):
        assert_close(loss, oracle_of(name, PROBLEM, PROBLEM.s).sum() / 3)


@pytest.mark.parametrize("case", CORNER_CASES)
def test_finite(case):
    problem = CORNER_CASES[case]
    x, logits, weight = (leaf(t) for t in (problem.x, problem.logits, problem.weight))
    found = dmon_pool(x, logits, *given(problem, weight))
    total = sum(value.sum() for value in found)
    assert total.isfinite()
    options = {"materialize_grads": True, "allow_unused": True}
    for gradient in torch.autograd.grad(total, (x, logits, weight), **options):
        assert gradient.isfinite().all()


def test_an_unknown_backend():
    with pytest.raises(ValueError, match="backend: expected"):
        dmon_pool(PROBLEM.x, PROBLEM.logits, PROBLEM.edge_index, backend="best")
