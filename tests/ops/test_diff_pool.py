"""The functional twins: ``dense_diff_pool`` is PyG's, ``diff_pool`` its sparse counterpart."""

import inspect

import pytest
import torch
from hypothesis import assume, given
from torch.testing import assert_close
from torch_geometric.nn import dense_diff_pool as pyg_dense_diff_pool

from pyg_diffpool import dense_diff_pool, diff_pool
from tests.oracles import coarsen_oracle, entropy_oracle, link_oracle
from tests.problems import leaf, make_problem, on_problems, problems, projection

EXACT = {"rtol": 1e-8, "atol": 1e-8}


def test_the_signature_is_pygs():
    ours, theirs = (
        inspect.signature(function).parameters
        for function in (dense_diff_pool, pyg_dense_diff_pool)
    )
    assert [(p.name, p.default) for p in ours.values()] == [
        (p.name, p.default) for p in theirs.values()
    ]


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("masked", [True, False])
@given(problem=problems())
def test_dense_diff_pool_equals_pygs(masked, normalize, problem):
    assume(problem.num_nodes > 0)
    x, mask = problem.to_dense(problem.x, max(problem.sizes) + 1)
    logits, _ = problem.to_dense(problem.logits, x.size(1))
    adjacency = problem.to_dense_adjacency(max_num_nodes=x.size(1))
    inputs = leaf(x), leaf(adjacency), leaf(logits)
    result = dense_diff_pool(*inputs, mask if masked else None, normalize)
    expected = pyg_dense_diff_pool(*inputs, mask if masked else None, normalize)
    assert_close(result, expected, **EXACT)
    got = torch.autograd.grad(projection(*result), inputs)
    assert_close(got, torch.autograd.grad(projection(*expected), inputs), **EXACT)


def test_dense_diff_pool_counts_padded_edges_as_pyg_does():
    x, logits = torch.randn(2, 4, 3).double(), torch.randn(2, 4, 2).double()
    adjacency = torch.rand(2, 4, 4).double()
    mask = torch.tensor([[True, True, False, False], [True, True, True, True]])
    result = dense_diff_pool(x, adjacency, logits, mask)
    assert_close(result, pyg_dense_diff_pool(x, adjacency, logits, mask), **EXACT)


def test_dense_diff_pool_takes_one_graph_without_a_batch_dimension():
    problem = make_problem((5,))
    arguments = problem.x, problem.adjacency(0), problem.logits
    assert_close(dense_diff_pool(*arguments), pyg_dense_diff_pool(*arguments), **EXACT)


@pytest.mark.parametrize(
    ("backend", "normalize"), [("auto", True), ("padded", False), ("ragged", True)]
)
@on_problems()
def test_diff_pool_with_pygs_convention_equals_pygs(backend, normalize, problem):
    assume(problem.num_nodes > 0)
    x, logits, weight = leaf(problem.x), leaf(problem.logits), leaf(problem.weight)
    dense_x, mask = problem.to_dense(x)
    dense_logits, _ = problem.to_dense(logits)
    adjacency = problem.to_dense_adjacency(weight)
    expected = pyg_dense_diff_pool(dense_x, adjacency, dense_logits, mask, normalize)
    result = diff_pool(
        x,
        logits,
        problem.edge_index,
        weight,
        problem.batch,
        problem.batch_size,
        convention="pyg",
        normalize=normalize,
        backend=backend,
    )
    assert_close(result, expected, rtol=1e-8, atol=1e-6)
    if expected[2] * (adjacency.numel() if normalize else 1) > 1e-4:
        got = torch.autograd.grad(projection(*result), (x, logits, weight))
        wanted = torch.autograd.grad(projection(*expected), (x, logits, weight))
        assert_close(got, wanted, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("convention", ["paper", "reference"])
def test_diff_pool_with_the_other_conventions(convention):
    problem = make_problem((5, 0, 3), weights="positive", duplicates=False)
    arguments = problem.x, problem.logits, problem.edge_index, problem.edge_weight
    x, adj, link, entropy = diff_pool(*arguments, problem.batch, 3, convention=convention)
    expected = coarsen_oracle(problem, problem.x, problem.s)
    assert_close((x, adj), expected[:2], **EXACT)
    links = link_oracle(problem, problem.s, convention=convention)
    entropies = entropy_oracle(problem, problem.s)
    if convention == "paper":
        assert_close(link, links.mean(), **EXACT)
        assert_close(entropy, (entropies / torch.tensor([5.0, 1.0, 3.0])).mean(), **EXACT)
    else:
        assert_close(link, links.sum() / (25 + 9), rtol=1e-7, atol=1e-7)
        assert_close(entropy, entropies.sum() / 8, **EXACT)


def test_diff_pool_on_a_dense_level():
    problem = make_problem((5, 0, 3), weights="positive")
    x, mask = problem.to_dense(problem.x)
    logits, _ = problem.to_dense(problem.logits, fill=float("nan"))
    dense = diff_pool(x, logits, problem.to_dense_adjacency(), mask=mask)
    sparse = diff_pool(
        problem.x, problem.logits, problem.edge_index, problem.weight, problem.batch, 3
    )
    assert_close(dense, sparse, **EXACT)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_reduced_precision_trains(dtype):
    problem = make_problem((20, 0, 9), weights="positive")
    x, logits = leaf(problem.x, dtype), leaf(problem.logits, dtype)
    weight = problem.weight.to(dtype)
    result = diff_pool(x, logits, problem.edge_index, weight, problem.batch, 3)
    expected = diff_pool(
        problem.x, problem.logits, problem.edge_index, problem.weight, problem.batch, 3
    )
    for value, reference in zip(result, expected, strict=True):
        assert (value - reference).norm() <= 3e-2 * reference.norm()
    projection(*result).backward()
    assert x.grad.isfinite().all()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_a_mask_of_weights_multiplies_as_pygs_does(weight):
    x, adj, s = torch.rand(2, 4, 3), torch.rand(2, 4, 4), torch.rand(2, 4, 2)
    mask = weight * (torch.rand(2, 4) < 0.6).float()
    ours = dense_diff_pool(x, adj, s, mask)
    for mine, theirs in zip(ours, pyg_dense_diff_pool(x, adj, s, mask), strict=True):
        assert_close(mine, theirs)
