"""The terms of the squared distance, duplicates that were not summed included."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.contract.distance import (
    NEAR_OPTIMUM,
    exactly,
    identity_terms,
    in_float64,
    near_optimum,
    squared_norm_gradient,
    squared_norms,
)
from pyg_diffpool.ops.level import SparseLevel
from tests.ops.contract.levels import level_of
from tests.oracles import coarsen_oracle, link_oracle
from tests.problems import CORNER_CASES, leaf, make_problem

PROBLEMS = {name: case for name, case in CORNER_CASES.items() if case.num_nodes > 0}


def norms_oracle(problem, weight=None):
    graphs = range(problem.batch_size)
    return torch.stack([problem.adjacency(g, weight).square().sum() for g in graphs])


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_identity(name):
    problem = PROBLEMS[name]
    _, adj, gram = coarsen_oracle(problem, problem.x, problem.s)
    norms = squared_norms(*level_of(problem))
    assert_close(norms, norms_oracle(problem))
    squared = link_oracle(problem, problem.s, convention="pyg")
    assert_close(norms + identity_terms(adj, gram), squared)


def test_duplicates_that_stand_side_by_side_are_one_entry():
    problem = CORNER_CASES["directed, signed weights"]
    order = (problem.edge_index[1] * problem.num_nodes + problem.edge_index[0]).argsort()
    source, target = problem.edge_index[:, order]
    weight = leaf(problem.weight[order])
    summed, graphs = level_of(problem)
    rowptr = torch.searchsorted(target, torch.arange(problem.num_nodes + 1))
    apart = summed._replace(
        rowptr=rowptr, col=source, target=target, weight=weight, transposed=None, coalesced=False
    )
    norms = squared_norms(apart, graphs)
    assert_close(norms, norms_oracle(problem))
    slope = torch.arange(1.0, 4.0).double()
    (wanted,) = torch.autograd.grad((norms * slope).sum(), weight)
    assert_close(squared_norm_gradient(apart, graphs, slope).detach(), wanted)


def test_only_graphs_near_the_optimum_take_float64():
    norms = torch.tensor([1.0, 1.0, 0.0]).double()
    near = near_optimum(NEAR_OPTIMUM * torch.tensor([0.5, 2.0, 0.0]).double(), norms)
    assert near.tolist() == [True, False, False]
    assert in_float64(near, torch.ones(1)).tolist() == near.tolist()
    assert in_float64(near, torch.ones(1).double()) is None
    assert in_float64(near & False, torch.ones(1)) is None


def test_the_chosen_graphs_are_kept_whole():
    problem = make_problem((3, 0, 4, 2))
    kept, s, nodes, edges = exactly(
        torch.tensor([True, False, False, True]), level_of(problem), problem.s.float()
    )
    assert s.dtype == torch.float64
    assert nodes.nonzero().flatten().tolist() == [0, 1, 2, 7, 8]
    assert kept.graphs.sizes.tolist() == [3, 2]
    assert kept.adjacency.col.numel() == int(edges.sum())
    wanted = link_oracle(problem, problem.s.float().double(), convention="pyg")[[0, 3]]
    assert_close(SparseLevel(*kept).squared_distances(s), wanted)
