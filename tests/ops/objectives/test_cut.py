"""The cut loss of MinCut against the quotient of traces of dense matrices."""

import torch
from torch.testing import assert_close

from pyg_diffpool import cut_loss
from tests.ops.objectives.losses import check_values_and_gradients
from tests.problems import on_problems


@on_problems()
def test_values_and_gradients(problem):
    check_values_and_gradients("cut", problem)


def test_minus_one_if_no_edge_is_cut_and_zero_if_all_are():
    s = torch.eye(2)[[0, 0, 1, 1]]
    inside, across = torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0, 3], [3, 0]])
    assert cut_loss(s, inside) == -1
    assert cut_loss(s, across) == 0


def test_degrees_are_those_of_outgoing_edges():
    s = torch.tensor([[0.5, 0.5], [1.0, 0.0]], dtype=torch.float64)
    edge_index, weight = torch.tensor([[0], [1]]), torch.tensor([3.0], dtype=torch.float64)
    # tr(SᵀAS) = 3 · 0.5, and tr(SᵀDS) = 3 · (0.25 + 0.25).
    assert_close(cut_loss(s, edge_index, weight), torch.tensor(-1.0, dtype=torch.float64))
