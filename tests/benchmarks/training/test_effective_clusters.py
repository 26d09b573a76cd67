import math

import pytest
import torch

from benchmarks.training.effective_clusters import (
    assigned_rows,
    effective_clusters,
    effective_sparse_clusters,
    padded_levels,
)
from pyg_diffpool import DiffPoolNet


def test_even_lonely_and_uneven_graphs():
    s = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.2, 0.3, 0.5], [0.25, 0.75, 0]])
    found = effective_clusters(s, torch.tensor([0, 0, 0, 1, 3]), 4)
    uneven = math.exp(-sum(p * math.log(p) for p in (0.2, 0.3, 0.5)))
    expected = [3.0, uneven, torch.nan, 4 / 3**0.75]
    torch.testing.assert_close(
        found, torch.tensor(expected, dtype=torch.float64), rtol=1e-6, atol=0, equal_nan=True
    )
    all_in_one = effective_clusters(s[:1].repeat(7, 1), torch.zeros(7, dtype=torch.long), 1)
    assert all_in_one.item() == 1


def test_half_precision_counts_as_well():
    even = torch.full((3000, 4), 0.25, dtype=torch.bfloat16)
    found = effective_clusters(even, torch.zeros(3000, dtype=torch.long), 1)
    assert found.item() == pytest.approx(4)


def test_rows_of_masked_clusters_are_left_out():
    torch.manual_seed(0)
    net = DiffPoolNet(3, 8, 2, max_clusters=[6, 3], ratio=0.5, num_layers=1, num_layers_after=1)
    graph = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1])
    edge_index = torch.tensor([[0, 1, 4, 5], [1, 0, 5, 4]])
    levels = net.eval()(torch.randn(12, 3), edge_index, batch=graph).levels
    (first, nodes), (second, clusters) = assigned_rows(levels, graph)
    assert (first.shape, second.shape) == ((12, 6), (2 + 4, 3))
    assert torch.equal(nodes, graph)
    assert clusters.tolist() == [0, 0, 1, 1, 1, 1]
    torch.testing.assert_close(second.sum(1), torch.ones(6))
    # Of four nodes two clusters, of these one: the mask leaves exactly one to be used.
    assert effective_clusters(second, clusters, 2)[0].item() == pytest.approx(1)


def test_sparse_levels_have_the_same_number():
    torch.manual_seed(0)
    options = {"ratio": 0.5, "num_layers": 1, "assignment": "entmax15", "sparse_level": True}
    net = DiffPoolNet(3, 8, 2, max_clusters=[6, 3], **options).eval()
    graph = torch.tensor([0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2])
    edge_index = torch.tensor([[0, 1, 4, 5], [1, 0, 5, 4]])
    levels = net(torch.randn(12, 3), edge_index, batch=graph, batch_size=3).levels
    for level, rows in zip(levels, assigned_rows(padded_levels(levels), graph), strict=True):
        found = effective_sparse_clusters(level.assignment)
        wanted = effective_clusters(*rows, 3)
        if level is not levels[0]:
            # The cluster of a graph without nodes is a node of the next level.
            wanted[1] = found[1]
        torch.testing.assert_close(found, wanted, equal_nan=True)
