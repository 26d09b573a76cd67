"""The normalisation of pooled adjacency matrices against PyG's, and where PyG's is not finite."""

import torch
from torch.testing import assert_close

from pyg_diffpool.ops.normalized_adjacency import normalized_adjacency
from tests.problems import leaf


def test_against_the_definition():
    adj = torch.rand(2, 4, 4, dtype=torch.float64)
    found = normalized_adjacency(adj)
    for matrix, wanted in zip(adj, found, strict=True):
        matrix = matrix - torch.diag(matrix.diagonal())
        roots = torch.diag(matrix.sum(dim=1) ** -0.5)
        assert_close(wanted, roots @ matrix @ roots)


def test_a_degree_of_zero_has_zeros_and_a_finite_gradient():
    adj = torch.tensor([[5.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]).unsqueeze(0)
    adj = leaf(adj)
    found = normalized_adjacency(adj)
    assert found.tolist() == [[[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]
    (gradient,) = torch.autograd.grad((found * torch.rand(1, 3, 3)).sum(), adj)
    assert gradient.isfinite().all()
    assert gradient.count_nonzero() > 0
    assert gradient[0, 2].count_nonzero() == 0


def test_edges_into_a_cluster_without_outgoing_ones_are_left_out():
    adj = torch.tensor([[[0.0, 2.0], [0.0, 0.0]]])
    assert normalized_adjacency(adj).count_nonzero() == 0


def test_derivatives():
    adj = leaf(torch.rand(2, 3, 3, dtype=torch.float64))
    assert torch.autograd.gradcheck(normalized_adjacency, adj)
    assert torch.autograd.gradgradcheck(normalized_adjacency, adj)
    edgeless = leaf(torch.zeros(1, 3, 3, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(normalized_adjacency(edgeless).sum(), edgeless)
    assert gradient.isfinite().all()
