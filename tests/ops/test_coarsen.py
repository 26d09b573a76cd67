"""The three contractions against the dense oracle: values, gradients, invariances, precision."""

from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from torch.testing import assert_close
from torch_geometric import EdgeIndex

from pyg_diffpool import Coarsening, coarsen, prepare_adjacency
from tests.formats import FORMATS, adjacency_format
from tests.oracles import coarsen_oracle
from tests.problems import (
    CORNER_CASES,
    LargestTensor,
    Problem,
    leaf,
    make_problem,
    on_problems,
    problems,
    projection,
)

BACKENDS = ("padded", "ragged", "auto")
EXACT = {"rtol": 1e-9, "atol": 1e-9}
GRADCHECK_PROBLEMS = {
    "directed": make_problem((4, 0, 1, 3), num_clusters=2),
    "undirected": make_problem((4, 3), num_clusters=2, directed=False, weights="positive"),
}


def run(problem: Problem, **changes) -> Coarsening:
    arguments = {
        "x": problem.x,
        "s": problem.s,
        "edge_index": problem.edge_index,
        "edge_weight": problem.edge_weight,
        "batch": problem.batch,
        "batch_size": problem.batch_size,
    }
    return coarsen(**{**arguments, **changes})


@pytest.mark.parametrize("backend", BACKENDS)
@on_problems()
def test_values_and_gradients_equal_the_oracle(backend, problem):
    x, s, weight = leaf(problem.x), leaf(problem.logits), leaf(problem.weight)
    expected = coarsen_oracle(problem, x, s, weight)
    wanted = torch.autograd.grad(projection(*expected), (x, s, weight))

    given_weight = None if problem.edge_weight is None else weight
    result = run(problem, x=x, s=s, edge_weight=given_weight, backend=backend)
    inputs = (x, s) if given_weight is None else (x, s, weight)
    gradients = torch.autograd.grad(projection(*result), inputs, materialize_grads=True)

    assert_close(tuple(result), expected, **EXACT)
    assert_close(gradients, wanted[: len(inputs)], **EXACT)


@pytest.mark.parametrize("backend", ["padded", "ragged"])
@pytest.mark.parametrize("name", GRADCHECK_PROBLEMS)
def test_gradcheck(backend, name):
    problem = GRADCHECK_PROBLEMS[name]
    x, s, weight = leaf(problem.x), leaf(problem.s), leaf(problem.weight)

    def function(x, s, weight):
        return tuple(run(problem, x=x, s=s, edge_weight=weight, backend=backend))

    assert torch.autograd.gradcheck(function, (x, s, weight))
    # One input at a time: the backward pass may skip what nobody asked for, and nothing else.
    assert torch.autograd.gradcheck(lambda x: function(x, problem.s, problem.weight), (x,))
    assert torch.autograd.gradcheck(lambda s: function(problem.x, s, problem.weight), (s,))
    assert torch.autograd.gradcheck(lambda w: function(problem.x, problem.s, w), (weight,))


def test_gradcheck_of_the_dense_level():
    problem = CORNER_CASES["directed, signed weights"]
    x, mask = problem.to_dense(problem.x)
    s, _ = problem.to_dense(problem.s)
    inputs = (leaf(x), leaf(s), leaf(problem.to_dense_adjacency()))
    assert torch.autograd.gradcheck(lambda *dense: tuple(coarsen(*dense, mask=mask)), inputs)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=10)
@on_problems()
def test_adjacency_formats_agree(name, problem):
    assume(problem.num_nodes > 0)
    edge_index, edge_weight = adjacency_format(problem, name)
    result = run(problem, edge_index=edge_index, edge_weight=edge_weight)
    assert_close(tuple(result), coarsen_oracle(problem, problem.x, problem.s), **EXACT)


@pytest.mark.sparse_tensor
@on_problems()
def test_sparse_tensor_agrees(problem):
    pytest.importorskip("torch_sparse")
    assume(problem.num_nodes > 0)
    edge_index, _ = adjacency_format(problem, "SparseTensor")
    result = run(problem, edge_index=edge_index, edge_weight=None)
    assert_close(tuple(result), coarsen_oracle(problem, problem.x, problem.s), **EXACT)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "uncoalesced coo"])
def test_gradients_with_every_format(name):
    problem = CORNER_CASES["directed, signed weights"]
    edge_index, edge_weight = adjacency_format(problem, name)
    x, s = leaf(problem.x), leaf(problem.s)
    wanted = torch.autograd.grad(projection(*coarsen_oracle(problem, x, s)), (x, s))
    result = run(problem, x=x, s=s, edge_index=edge_index, edge_weight=edge_weight)
    assert_close(torch.autograd.grad(projection(*result), (x, s)), wanted, **EXACT)


def test_sparse_layouts_hold_the_transpose():
    problem = make_problem((3,), num_clusters=3, edges_per_node=0.0)
    problem = replace(
        problem, edge_index=torch.tensor([[0], [2]]), edge_weight=torch.tensor([5.0]).double()
    )
    one_hot = torch.eye(3, dtype=torch.float64)
    for name in FORMATS:
        edge_index, edge_weight = adjacency_format(problem, name)
        adj = run(problem, s=one_hot, edge_index=edge_index, edge_weight=edge_weight).adj
        assert adj[0, 0, 2] == 5.0, name
        assert adj.abs().sum() == 5.0, name


@pytest.mark.parametrize("prepared", [False, True])
@pytest.mark.parametrize("backend", ["padded", "ragged"])
def test_asymmetric_weights_on_a_structure_marked_undirected(backend, prepared):
    problem = CORNER_CASES["undirected, unit weights"]
    n, num_edges = problem.num_nodes, problem.edge_index.size(1)
    order = problem.edge_index[0].argsort(stable=True)
    edge_index = EdgeIndex(
        problem.edge_index[:, order], sparse_size=(n, n), sort_order="row", is_undirected=True
    )
    weight = torch.arange(1.0, num_edges + 1, dtype=torch.float64)
    problem = replace(problem, edge_index=edge_index.as_tensor(), edge_weight=weight)
    x, s, weight = leaf(problem.x), leaf(problem.s), leaf(weight)
    expected = coarsen_oracle(problem, x, s, weight)
    wanted = torch.autograd.grad(projection(*expected), (x, s, weight))
    adjacency = (edge_index, weight)
    if prepared:
        adjacency = (prepare_adjacency(edge_index, weight, num_nodes=n), None)
    result = run(
        problem, x=x, s=s, edge_index=adjacency[0], edge_weight=adjacency[1], backend=backend
    )
    assert_close(tuple(result), expected, **EXACT)
    assert_close(torch.autograd.grad(projection(*result), (x, s, weight)), wanted, **EXACT)


@pytest.mark.parametrize("backend", ["padded", "ragged"])
def test_edge_index_marked_undirected_without_weights(backend):
    problem = CORNER_CASES["undirected, unit weights"]
    n = problem.num_nodes
    for row, sort_order in enumerate(("row", "col")):
        order = problem.edge_index[row].argsort(stable=True)
        edge_index = EdgeIndex(
            problem.edge_index[:, order],
            sparse_size=(n, n),
            sort_order=sort_order,
            is_undirected=True,
        )
        x, s = leaf(problem.x), leaf(problem.s)
        expected = coarsen_oracle(problem, x, s)
        result = run(problem, x=x, s=s, edge_index=edge_index, backend=backend)
        assert_close(tuple(result), expected, **EXACT)
        wanted = torch.autograd.grad(projection(*expected), (x, s))
        assert_close(torch.autograd.grad(projection(*result), (x, s)), wanted, **EXACT)


@given(problem=problems())
def test_dense_level_equals_the_sparse_one(problem):
    x, mask = problem.to_dense(problem.x)
    s, _ = problem.to_dense(problem.s)
    adjacency = problem.to_dense_adjacency()
    expected = coarsen_oracle(problem, problem.x, problem.s)
    assert_close(tuple(coarsen(x, s, adjacency, mask=mask)), expected, **EXACT)


@pytest.mark.parametrize("fill", [float("nan"), float("inf"), -7.0])
def test_padding_of_the_dense_level_does_not_leak(fill):
    problem = CORNER_CASES["directed, signed weights"]
    x, mask = problem.to_dense(problem.x, 8, fill)
    s, _ = problem.to_dense(problem.s, 8, fill)
    x, s = leaf(x), leaf(s)
    adjacency = leaf(problem.to_dense_adjacency(max_num_nodes=8, fill=fill))
    result = coarsen(x, s, adjacency, mask=mask)
    assert_close(tuple(result), coarsen_oracle(problem, problem.x, problem.s), **EXACT)

    for gradient in torch.autograd.grad(projection(*result), (x, s, adjacency)):
        assert gradient.isfinite().all()
        assert gradient[~mask].count_nonzero() == 0


@pytest.mark.parametrize("backend", BACKENDS)
@given(problem=problems())
def test_invariances(backend, problem):
    expected = run(problem, backend=backend)
    shuffled_edges = run(problem.permute_edges(), backend=backend)
    assert_close(tuple(shuffled_edges), tuple(expected), **EXACT)

    permuted, _ = problem.permute_nodes()
    assert_close(tuple(run(permuted, backend=backend)), tuple(expected), **EXACT)

    wider = run(problem, backend=backend, max_num_nodes=max(problem.sizes) + 3)
    assert_close(tuple(wider), tuple(expected), **EXACT)

    for graph in range(problem.batch_size):
        alone = run(problem.select(graph), backend=backend)
        assert_close(tuple(alone), tuple(part[graph : graph + 1] for part in expected), **EXACT)


def test_batch_is_optional_for_one_graph():
    problem = make_problem((5,))
    result = coarsen(problem.x, problem.s, problem.edge_index, problem.edge_weight)
    assert_close(tuple(result), coarsen_oracle(problem, problem.x, problem.s), **EXACT)


def test_trailing_graphs_without_edges_are_kept():
    problem = make_problem((3, 2), edges_per_node=0.0)
    problem = replace(problem, edge_index=torch.tensor([[0], [1]]), edge_weight=None)
    result = coarsen(problem.x, problem.s, problem.edge_index, batch=problem.batch)
    assert result.adj.shape == (2, 3, 3)
    assert result.adj[1].count_nonzero() == 0
    assert_close(result.x[1], problem.s[3:].t() @ problem.x[3:], **EXACT)


@pytest.mark.parametrize("backend", ["padded", "ragged"])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 1e-5), (torch.bfloat16, 3e-2), (torch.float16, 4e-3)],
)
def test_reduced_precision(dtype, tolerance, backend):
    problem = make_problem((40, 1, 30), num_clusters=8, num_features=5, edges_per_node=4.0)
    x, s, weight = (leaf(value, dtype) for value in (problem.x, problem.s, problem.weight))
    result = run(problem, x=x, s=s, edge_weight=weight, backend=backend)
    assert result.x.dtype == dtype
    assert result.adj.dtype == result.gram.dtype == torch.float32

    # The oracle sees the rounded inputs: what is measured is the error of the arithmetic.
    exact = tuple(leaf(value, torch.float64) for value in (x, s, weight))
    expected = coarsen_oracle(problem, *exact)
    for value, reference in zip(result, expected, strict=True):
        assert (value - reference).norm() <= tolerance * reference.norm()
    gradients = torch.autograd.grad(projection(*result), (x, s, weight))
    for gradient, wanted in zip(
        gradients, torch.autograd.grad(projection(*expected), exact), strict=True
    ):
        assert gradient.dtype == dtype
        assert gradient.isfinite().all()
        assert (gradient - wanted).norm() <= 2 * tolerance * wanted.norm()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_reduced_precision_of_dense_levels_and_sparse_layouts(dtype):
    problem = make_problem((20, 10), edges_per_node=4.0, weights="positive")
    expected = coarsen_oracle(problem, problem.x, problem.s)
    x, mask = problem.to_dense(problem.x.to(dtype))
    s, _ = problem.to_dense(problem.s.to(dtype))
    results = [coarsen(x, s, problem.to_dense_adjacency().to(dtype), mask=mask)]
    for name in ("csr", "coo", "prepared", "EdgeIndex by column"):
        edge_index, edge_weight = adjacency_format(problem, name, dtype)
        results.append(
            run(
                problem,
                x=problem.x.to(dtype),
                s=problem.s.to(dtype),
                edge_index=edge_index,
                edge_weight=edge_weight,
            )
        )
    for result in results:
        assert result.adj.dtype == result.gram.dtype == torch.float32
        for value, reference in zip(result, expected, strict=True):
            assert (value - reference).norm() <= 3e-2 * reference.norm()


@pytest.mark.parametrize("backend", ["padded", "ragged"])
def test_autocast(backend):
    problem = make_problem((40, 30), num_clusters=8, edges_per_node=4.0)
    x, s, weight = (leaf(v, torch.float32) for v in (problem.x, problem.s, problem.weight))
    with torch.autocast("cpu", torch.bfloat16):
        result = run(problem, x=x, s=s, edge_weight=weight, backend=backend)
    assert result.adj.dtype == result.gram.dtype == torch.float32
    expected = coarsen_oracle(problem, problem.x, problem.s)
    for value, reference in zip(result, expected, strict=True):
        assert (value - reference).norm() <= 3e-2 * reference.norm()
    for gradient in torch.autograd.grad(projection(*result), (x, s, weight)):
        assert gradient.dtype == torch.float32
        assert gradient.isfinite().all()


@pytest.mark.parametrize("backend", ["ragged", "auto"])
@pytest.mark.parametrize("directed", [False, True])
def test_no_quadratic_tensor(backend, directed):
    num_nodes, num_edges = 20_000, 50_000
    edge_index = torch.randint(num_nodes, (2, num_edges))
    if not directed:
        edge_index = torch.cat([edge_index, edge_index.flip(0)], dim=1)
    x, s = torch.randn(num_nodes, 16), torch.randn(num_nodes, 8).softmax(dim=-1)
    x.requires_grad_(), s.requires_grad_()
    with LargestTensor() as largest:
        result = coarsen(x, s, edge_index, backend=backend)
        (result.x.sum() + result.adj.square().sum() + result.gram.square().sum()).backward()
    assert s.grad is not None
    assert largest.numel >= num_nodes * 16
    assert largest.numel <= 4_000_000


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", GRADCHECK_PROBLEMS)
def test_normalized_adjacency_of_pyg(name, backend):
    problem = GRADCHECK_PROBLEMS[name]
    problem = replace(problem, edge_weight=problem.weight.abs())
    plain, normalized = run(problem), run(problem, normalize_adj=True, backend=backend)
    for graph in range(problem.batch_size):
        adj = plain.adj[graph] - torch.diag(plain.adj[graph].diagonal())
        degrees = adj.sum(1)
        roots = torch.where(degrees > 0, degrees, torch.inf) ** -0.5
        assert_close(normalized.adj[graph], roots[:, None] * adj * roots, **EXACT)
    assert_close(normalized.x, plain.x)
    assert_close(normalized.gram, plain.gram)


def test_normalized_adjacency_has_a_gradient_where_a_degree_is_zero():
    problem = make_problem((3, 0, 2), edges_per_node=0.0)
    s = leaf(problem.s)
    out = run(problem, s=s, normalize_adj=True)
    assert out.adj.count_nonzero() == 0
    (gradient,) = torch.autograd.grad(out.adj.sum() + out.gram.sum(), s)
    assert gradient.isfinite().all()


def test_normalize_adj_is_a_flag():
    problem = make_problem((3,))
    with pytest.raises(TypeError, match="normalize_adj: expected True or False"):
        run(problem, normalize_adj=1)
