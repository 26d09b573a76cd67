"""A dense level: contractions and distances, whatever stands in padding."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.level import DenseLevel, mask_adjacency
from pyg_diffpool.ops.padded_graphs import PaddedGraphs
from tests.ops.level.levels import PROBLEM, dense, sparse
from tests.oracles import coarsen_oracle, link_oracle
from tests.problems import leaf, projection


@pytest.mark.parametrize("fill", [0.0, 2.0, float("nan")])
def test_contractions_and_distances(fill):
    level, (x, s) = dense(fill=fill)
    coarsening, squared = level.contract(x, s, distances="graphs")
    assert_close(tuple(coarsening), coarsen_oracle(PROBLEM, PROBLEM.x, PROBLEM.s))
    wanted = link_oracle(PROBLEM, PROBLEM.s, convention="pyg")
    assert_close(squared, wanted)
    assert_close(level.squared_distances(s), wanted)
    assert level.contract(x, s)[1] is None


def test_padding_counts_only_where_it_is_asked_for():
    level, (x, s) = dense(fill=2.0)
    padding = (~(level.mask.unsqueeze(1) & level.mask.unsqueeze(2))).sum((1, 2))
    inside = level.squared_distances(s, "graphs")
    assert_close(level.squared_distances(s, "padded"), inside + 4.0 * padding)
    assert_close(level.contract(x, s, distances="padded")[1], inside + 4.0 * padding)


def test_gradients_reach_no_padding():
    level, (x, s) = dense(fill=float("nan"))
    adj = leaf(level.adj)
    inputs = (leaf(x), leaf(s), adj)
    coarsening, squared = level._replace(adj=adj).contract(*inputs[:2], distances="graphs")
    slopes = torch.autograd.grad(projection(*coarsening, squared), inputs)
    nodes = level.mask
    pairs = nodes.unsqueeze(1) & nodes.unsqueeze(2)
    for slope, inside in zip(slopes, (nodes, nodes, pairs), strict=True):
        assert slope[~inside].count_nonzero() == 0
        assert slope[inside].isfinite().all()
    rows = tuple(leaf(part) for part in (PROBLEM.x, PROBLEM.s))
    wanted = (*coarsen_oracle(PROBLEM, *rows), link_oracle(PROBLEM, rows[1], convention="pyg"))
    for slope, own in zip(slopes[:2], torch.autograd.grad(projection(*wanted), rows), strict=True):
        assert_close(slope[nodes], own)


def test_a_masked_adjacency_keeps_what_joins_two_nodes():
    mask = torch.tensor([[True, False, True]])
    adj = torch.arange(1.0, 10.0).view(1, 3, 3)
    wanted = torch.tensor([[[1.0, 0.0, 3.0], [0.0, 0.0, 0.0], [7.0, 0.0, 9.0]]])
    assert_close(mask_adjacency(adj, mask), wanted)
    assert mask_adjacency(adj, None) is adj


def test_padded_matrices_are_counted_as_they_are_given():
    assert dense()[0].padded_pairs() == sparse()[0].padded_pairs() == 3 * 6**2
    one = DenseLevel(torch.ones(1, 5, 5), PaddedGraphs(None, 4, 5, torch.device("cpu")))
    assert one.padded_pairs() == 25


@pytest.mark.parametrize(
    ("rows", "matrices", "sums"),
    [
        (torch.float32, torch.float64, torch.float64),
        (torch.bfloat16, torch.float16, torch.float32),
        (torch.bfloat16, torch.bfloat16, torch.float32),
    ],
)
def test_sums_are_of_the_widest_dtype_and_float32_at_least(rows, matrices, sums):
    level, (x, s) = dense()
    level = level._replace(adj=level.adj.to(matrices))
    x, s = x.to(rows), s.to(rows)
    coarsening, squared = level.contract(x, s, distances="graphs")
    assert [part.dtype for part in coarsening] == [rows, sums, sums]
    assert squared.dtype == torch.float64
    assert level.loss_dtype(s) == sums
    values = tuple(part[level.mask].double() for part in (x, s))
    wanted = coarsen_oracle(PROBLEM, *values)
    for found, expected, tolerance in zip(coarsening, wanted, (1e-2, 1e-6, 1e-6), strict=True):
        assert_close(found.double(), expected, rtol=tolerance, atol=tolerance)


def test_out_degrees():
    level, _ = dense(fill=float("nan"))
    wanted = [PROBLEM.adjacency(graph).sum(1) for graph in range(3)]
    assert_close(level.out_degrees()[level.mask], torch.cat(wanted))
    assert (level.out_degrees()[~level.mask] == 0).all()
