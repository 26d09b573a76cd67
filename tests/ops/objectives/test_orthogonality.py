"""The orthogonality loss of MinCut against the distance of dense matrices."""

import math

import torch
from torch.testing import assert_close

from pyg_diffpool import orthogonality_loss
from tests.ops.objectives.losses import check_values_and_gradients
from tests.problems import on_problems


@on_problems()
def test_values_and_gradients(problem):
    check_values_and_gradients("orthogonality", problem)


def test_zero_for_hard_clusters_of_equal_size():
    s = torch.eye(3)[[0, 0, 1, 1, 2, 2]].requires_grad_()
    loss = orthogonality_loss(s)
    loss.backward()
    assert_close(loss.detach(), torch.tensor(0.0), rtol=0.0, atol=1e-7)
    assert s.grad.isfinite().all()


def test_one_cluster_of_two():
    expected = math.sqrt((1 - 1 / math.sqrt(2)) ** 2 + 1 / 2)
    assert_close(orthogonality_loss(torch.eye(2)[[0, 0]]), torch.tensor(expected))


def test_of_the_clusters_that_a_graph_uses():
    s = torch.rand(5, 2).softmax(-1)
    wide = torch.cat([s, torch.zeros(5, 2)], 1)
    mask = torch.tensor([[True, True, False, False]])
    assert_close(orthogonality_loss(wide, cluster_mask=mask), orthogonality_loss(s))
    assert orthogonality_loss(wide) > orthogonality_loss(s) + 0.1
