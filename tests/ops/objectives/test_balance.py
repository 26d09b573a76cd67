"""The loss of Just Balance against its definition."""

import torch
from torch.testing import assert_close

from pyg_diffpool import balance_loss
from tests.ops.objectives.losses import EXACT, call, check_values_and_gradients, oracle_of
from tests.problems import make_problem, on_problems


@on_problems()
def test_values_and_gradients(problem):
    check_values_and_gradients("balance", problem)


def test_minus_one_for_hard_clusters_of_equal_size():
    assert_close(balance_loss(torch.eye(3)[[0, 0, 1, 1, 2, 2]]), torch.tensor(-1.0))


def test_without_normalisation():
    problem = make_problem((4, 0, 3))
    factor = torch.tensor([12.0, 1.0, 9.0], dtype=torch.float64).sqrt()
    wanted = oracle_of("balance", problem, problem.s) * factor
    assert_close(call("balance", problem, problem.s, normalize=False), wanted, **EXACT)


def test_an_unused_cluster_has_no_gradient():
    s = torch.eye(3)[[0, 0, 1]].requires_grad_()
    balance_loss(s).backward()
    assert s.grad.isfinite().all()
    assert s.grad[:, 2].count_nonzero() == 0


def test_of_the_clusters_that_a_graph_uses():
    s = torch.rand(5, 2, dtype=torch.float64).softmax(-1)
    wide = torch.cat([s, torch.zeros(5, 2)], 1)
    mask = torch.tensor([[True, True, False, False]])
    assert_close(balance_loss(wide, cluster_mask=mask), balance_loss(s))
