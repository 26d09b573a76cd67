"""A sparse level: contractions, distances, and the flat arguments that it travels as."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.level import SparseLevel
from pyg_diffpool.ops.level.sparse import LEVEL_STRUCTURE
from tests.ops.level.levels import PROBLEM, sparse
from tests.oracles import coarsen_oracle, link_oracle
from tests.problems import CORNER_CASES, leaf, make_problem, projection


@pytest.mark.parametrize("name", CORNER_CASES)
def test_contractions_and_distances(name):
    problem = CORNER_CASES[name]
    level, (x, s) = sparse(problem)
    coarsening, squared = level.contract(x, s, distances="graphs")
    assert_close(tuple(coarsening), coarsen_oracle(problem, problem.x, problem.s))
    wanted = link_oracle(problem, problem.s, convention="pyg")
    assert_close(squared, wanted)
    for distances in ("graphs", "padded"):
        assert_close(level.squared_distances(s, distances), wanted)
    assert level.contract(x, s)[1] is None


def test_padded_matrices_are_counted_by_the_width_that_was_given():
    level, _ = sparse()
    assert level.padded_pairs() == 3 * 6**2
    wider = level._replace(graphs=level.graphs._replace(given_width=8))
    assert wider.padded_pairs() == 3 * 8**2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_losses_are_of_the_assignments_dtype_and_float32_at_least(dtype):
    wanted = torch.float64 if dtype == torch.float64 else torch.float32
    assert sparse()[0].loss_dtype(PROBLEM.s.to(dtype)) == wanted


def test_a_level_is_flattened_and_put_together_again():
    level, _ = sparse()
    structure = level.structure()
    assert len(structure) == len(LEVEL_STRUCTURE.split(", "))
    again = SparseLevel.of(level.adjacency.weight, structure)
    assert_close(again.adjacency.col, level.adjacency.col)
    assert_close(again.adjacency.transpose().col, level.adjacency.transpose().col)
    assert bool(again.adjacency.undirected) == level.adjacency.undirected
    assert again.adjacency.coalesced == level.adjacency.coalesced
    assert_close(again.graphs.sizes, level.graphs.sizes)
    assert again.graphs.batch_size == level.graphs.batch_size
    assert again.graphs.given_width == level.graphs.given_width


@pytest.mark.parametrize("backend", ["padded", "ragged"])
@pytest.mark.parametrize("name", ["directed, signed weights", "undirected, duplicates"])
def test_the_flat_operator_has_the_oracles_gradients(name, backend):
    """What compiled code calls: no level, only tensors and numbers."""
    problem = CORNER_CASES[name]
    level, _ = sparse(problem)
    x, s, weight = leaf(problem.x), leaf(problem.s), leaf(level.adjacency.weight)
    flat = (weight, *level.structure(), backend, True)
    found = torch.ops.pyg_diffpool.contract(x, s, *flat)[:4]
    matrices = problem.edge_weight.new_zeros(problem.num_nodes, problem.num_nodes)
    matrices = matrices.index_put((level.adjacency.col, level.adjacency.target), weight)
    wanted = []
    for graph in range(problem.batch_size):
        rows = problem.rows(graph)
        own, adjacency = s[rows], matrices[rows, rows]
        gram, distance = own.t() @ own, (adjacency - own @ own.t()).square().sum()
        wanted.append((own.t() @ x[rows], own.t() @ adjacency @ own, gram, distance))
    wanted = [torch.stack(parts) for parts in zip(*wanted, strict=True)]
    assert_close(list(found), wanted)
    slopes = [torch.autograd.grad(projection(*parts), (x, s, weight)) for parts in (found, wanted)]
    assert_close(slopes[0], slopes[1])


def test_gradients_that_nobody_needs_are_left_out():
    level, (x, s) = sparse()
    flat = [level.adjacency.weight, *level.structure(), "padded"]
    pooled, adj, gram, squared, near, product = torch.ops.pyg_diffpool.contract(x, s, *flat, True)
    onto = [torch.ones_like(part) for part in (pooled, adj, gram, squared)]
    given = (*onto, gram, near, product, x, s, *flat)
    whole = torch.ops.pyg_diffpool.contraction_gradient(*given, True, True, True)
    assert [part.shape for part in whole] == [x.shape, s.shape, flat[0].shape]
    for position in range(3):
        needs = [place == position for place in range(3)]
        found = torch.ops.pyg_diffpool.contraction_gradient(*given, *needs)
        assert [part.numel() > 0 for part in found] == needs
        assert_close(found[position], whole[position])


@pytest.mark.parametrize("make", ["directed", "undirected", "unweighted"])
def test_out_degrees(make):
    weights = "none" if make == "unweighted" else "positive"
    problem = make_problem((5, 0, 3), directed=make == "directed", weights=weights)
    level, _ = sparse(problem)
    wanted = torch.cat([problem.adjacency(graph).sum(1) for graph in range(3)])
    assert_close(level.out_degrees().double(), wanted)
