"""The spectral loss of DMoN against the dense modularity matrix."""

import torch
from torch.testing import assert_close

from pyg_diffpool import modularity_loss
from tests.ops.objectives.losses import check_values_and_gradients
from tests.problems import LargestTensor, on_problems


@on_problems()
def test_values_and_gradients(problem):
    check_values_and_gradients("modularity", problem)


def test_all_nodes_in_one_cluster_have_none():
    edge_index = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    s = torch.eye(2, dtype=torch.float64)[[0, 0, 0]]
    assert_close(modularity_loss(s, edge_index), torch.zeros((), dtype=torch.float64))


def test_newmans_example_of_two_separate_pairs():
    edge_index = torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]])
    assert_close(modularity_loss(torch.eye(2)[[0, 0, 1, 1]], edge_index), torch.tensor(-0.5))


def test_no_matrix_of_all_pairs():
    n, k = 3000, 4
    edge_index = torch.randint(n, (2, 4 * n))
    logits = torch.randn(n, k, requires_grad=True)
    with LargestTensor() as largest:
        modularity_loss(logits.softmax(-1), edge_index).backward()
    assert largest.numel <= 16 * n * k
