"""Soft assignments, their entropies, and the clusters that a graph may use."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.soft_assignment import (
    cluster_mask,
    number_of_clusters,
    soft_assignment,
    soft_assignment_and_entropy,
)
from tests.problems import leaf, projection

LOGITS = torch.tensor([[0.5, -1.0, 2.0], [3.0, 0.0, 0.0]], dtype=torch.float64)
COLUMNS = torch.tensor([[True, True, False], [True, True, True]])


def oracle(logits, columns):
    rows, entropies = [], []
    for row, allowed in zip(logits, columns, strict=True):
        powers = torch.where(allowed, row.exp(), torch.zeros_like(row))
        probabilities = powers / powers.sum()
        kept = probabilities[allowed]
        rows.append(probabilities)
        entropies.append(-(kept * kept.log()).sum())
    return torch.stack(rows), torch.stack(entropies)


@pytest.mark.parametrize("columns", [None, COLUMNS])
def test_values_and_gradients(columns):
    allowed = torch.ones_like(COLUMNS) if columns is None else columns
    logits = leaf(LOGITS)
    found = soft_assignment_and_entropy(logits, columns)
    wanted = oracle(logits, allowed)
    assert_close(found, wanted)
    assert_close(soft_assignment(logits, columns), wanted[0])
    assert found[0].masked_select(~allowed).count_nonzero() == 0
    slopes = [torch.autograd.grad(projection(*parts), logits)[0] for parts in (found, wanted)]
    assert_close(slopes[0], slopes[1])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_normalised_in_float32(dtype):
    s, entropy = soft_assignment_and_entropy(LOGITS.to(dtype))
    assert s.dtype == entropy.dtype == torch.float32
    assert_close(s, oracle(LOGITS.to(dtype).double(), torch.ones_like(COLUMNS))[0].float())


def test_either_result_alone_has_a_gradient():
    logits = leaf(LOGITS)
    for part in (0, 1):
        (found,) = torch.autograd.grad(
            projection(soft_assignment_and_entropy(logits)[part]), logits
        )
        wanted = projection(oracle(logits, torch.ones_like(COLUMNS))[part])
        assert_close(found, torch.autograd.grad(wanted, logits)[0])


@pytest.mark.parametrize(
    ("ratio", "clusters"), [(0.1, [1, 1, 1, 3, 4]), (0.25, [1, 1, 3, 4, 4]), (1.0, [1, 3, 4, 4, 4])]
)
def test_clusters_by_size(ratio, clusters):
    mask = cluster_mask(torch.tensor([0, 3, 10, 30, 50]), ratio, max_clusters=4)
    assert mask.sum(1).tolist() == clusters
    counts = number_of_clusters(torch.tensor([0, 3, 10, 30, 50]), ratio, max_clusters=4)
    assert counts.tolist() == clusters
    assert torch.equal(mask, mask.int().sort(1, descending=True)[0].bool())


def test_without_a_ratio_all_graphs_use_all_clusters():
    assert number_of_clusters(torch.tensor([0, 30]), None, 4).tolist() == [4, 4]
