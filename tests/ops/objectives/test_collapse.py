"""The collapse loss of DMoN against its definition."""

import torch
from torch.testing import assert_close

from pyg_diffpool import collapse_loss
from tests.ops.objectives.losses import check_values_and_gradients
from tests.problems import on_problems


@on_problems()
def test_values_and_gradients(problem):
    check_values_and_gradients("collapse", problem)


def test_from_equal_sizes_to_a_single_cluster():
    assert_close(collapse_loss(torch.eye(4)[[0, 1, 2, 3]]), torch.tensor(0.0))
    assert_close(collapse_loss(torch.eye(4)[[2, 2, 2]]), torch.tensor(1.0))


def test_each_graph_is_divided_by_its_own_size():
    s = torch.eye(4)[[0, 0, 0, 0, 1]]
    values = collapse_loss(s, batch=torch.tensor([0, 0, 0, 0, 1]), reduction="none")
    assert_close(values, torch.tensor([1.0, 1.0]))


def test_of_the_clusters_that_a_graph_uses():
    s = torch.rand(5, 2, dtype=torch.float64).softmax(-1)
    wide = torch.cat([s, torch.zeros(5, 2)], 1)
    mask = torch.tensor([[True, True, False, False]])
    assert_close(collapse_loss(wide, cluster_mask=mask), collapse_loss(s))
