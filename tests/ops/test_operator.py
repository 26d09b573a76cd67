"""Second derivatives of everything that has a gradient of its own, and who refuses them."""

from dataclasses import replace

import pytest
import torch
from torch.autograd import gradgradcheck
from torch.testing import assert_close

from pyg_diffpool import (
    assignment_entropy,
    coarsen,
    dense_diff_pool,
    diff_pool,
    link_prediction_loss,
    prepare_adjacency,
)
from pyg_diffpool.ops.level import SparseLevel
from pyg_diffpool.ops.operator import plain_gradients
from pyg_diffpool.ops.segments import segments
from pyg_diffpool.ops.soft_assignment import soft_assignment_and_entropy
from pyg_diffpool.ops.sparse_product import adjacency_structure, sparse_product
from tests.oracles import coarsen_oracle, entropy_oracle, link_oracle
from tests.problems import CORNER_CASES, Problem, leaf, make_problem, projection

CONVENTIONS = ["paper", "reference", "pyg"]
PROBLEMS = {name: case for name, case in CORNER_CASES.items() if case.num_nodes > 0}
OPERATORS = torch.ops.pyg_diffpool


def inputs(problem: Problem) -> tuple[torch.Tensor, ...]:
    return leaf(problem.x), leaf(problem.logits), leaf(problem.weight)


def level(problem: Problem, weight: torch.Tensor) -> dict:
    return {
        "edge_index": problem.edge_index,
        "edge_weight": None if problem.edge_weight is None else weight,
        "batch": problem.batch,
        "batch_size": problem.batch_size,
    }


def flat(level: SparseLevel) -> tuple:
    return (level.adjacency.weight, *level.structure())


def probable(problem: Problem) -> Problem:
    """The same graphs with probabilities for weights, away from the clamp of a sum at 1."""
    if problem.edge_weight is None:
        return problem
    return replace(problem, edge_weight=0.1 + 0.3 * problem.edge_weight.abs().clamp(max=1))


@pytest.mark.parametrize("name", PROBLEMS)
def test_sparse_product_and_coarsen(name):
    problem = PROBLEMS[name]

    def functions(x, s, weight):
        found = coarsen(x, s, **level(problem, weight))
        adjacency = prepare_adjacency(*list(level(problem, weight).values())[:2], len(x))
        return (*found, sparse_product(adjacency, x))

    x, s, weight = inputs(problem)
    weighted = problem.edge_weight is not None and weight.numel() > 0
    assert gradgradcheck(functions, (x, s, weight if weighted else weight.detach()))


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_diff_pool_on_both_levels(name, convention):
    problem = probable(PROBLEMS[name])
    _, mask = problem.to_dense(problem.x)

    def sparse(x, s, weight):
        return diff_pool(x, s, **level(problem, weight), convention=convention)

    def dense(x, s, weight):
        x, s = problem.to_dense(x)[0], problem.to_dense(s)[0]
        adj = problem.to_dense_adjacency(weight)
        return diff_pool(x, s, adj, mask=mask, convention=convention)

    x, s, weight = inputs(problem)
    if weight.numel() == 0 or problem.edge_weight is None:
        weight = weight.detach()
    assert gradgradcheck(sparse, (x, s, weight))
    if name == "directed, signed weights":
        assert gradgradcheck(dense, (x, s, weight))


def test_dense_diff_pool():
    problem = CORNER_CASES["directed, signed weights"]
    (x, mask), (s, _) = problem.to_dense(problem.x), problem.to_dense(problem.logits)
    adj = problem.to_dense_adjacency()
    assert gradgradcheck(
        lambda x, adj, s: dense_diff_pool(x, adj, s, mask), (leaf(x), leaf(adj), leaf(s))
    )


@pytest.mark.parametrize("vectorize", [False, True])
def test_the_curvature_of_an_entropy(vectorize):
    s = torch.tensor([[0.2, 0.8]], dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(assignment_entropy, s, vectorize=vectorize)
    assert_close(hessian.view(2, 2), torch.tensor([[-5.0, 0.0], [0.0, -1.25]]).double())
    s.requires_grad_()
    (slope,) = torch.autograd.grad(assignment_entropy(s), s, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), s)
    assert_close(curvature, torch.tensor([[-5.0, -1.25]]).double())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("convention", ["paper", "reference"])
def test_the_curvature_at_one_hot_rows_and_at_a_distance_of_zero_is_finite(dtype, convention):
    s = leaf(torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), dtype)
    edges = torch.tensor([[0, 0, 1, 1, 2], [0, 1, 0, 1, 2]])

    def loss(s):
        distance = link_prediction_loss(s, edges, convention=convention)
        return distance + assignment_entropy(s, convention=convention)

    (slope,) = torch.autograd.grad(loss(s), s, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.square().sum() + slope.sum(), s)
    assert slope.isfinite().all()
    assert curvature.isfinite().all()
    if convention == "paper":
        assert slope.count_nonzero() == curvature.count_nonzero() == 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_curvature_at_masked_clusters_is_finite(dtype):
    logits = leaf(torch.tensor([[0.3, -0.2, 9.0], [2000.0, 0.0, 1.0]]), dtype)
    columns = torch.tensor([[True, True, False], [True, True, True]])

    def values(logits, columns=columns):
        s, entropy = soft_assignment_and_entropy(logits, columns)
        return s.square().sum() + entropy.square().sum()

    curvature = torch.autograd.functional.hessian(values, logits)
    kept = torch.autograd.functional.hessian(
        lambda logits: values(logits, None), logits[:1, :2].detach()
    )
    assert curvature.isfinite().all()
    assert_close(curvature[0, :2, 0, :2], kept[0, :, 0])
    assert curvature[..., 0, 2].count_nonzero() == curvature[1].count_nonzero() == 0


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_gradient_penalty_equals_the_oracles(name):
    """``s`` is a leaf, and ``x`` depends on it: neither is to be counted twice or left out."""
    problem = PROBLEMS[name]

    def penalised(loss, s):
        (slope,) = torch.autograd.grad(loss, s, create_graph=True)
        return loss + slope.square().sum()

    def ours(s):
        x = problem.x * s[:, :1].sin()
        given = {**level(problem, problem.weight), "validate": False}
        pooled = coarsen(x, s, **given)
        link = link_prediction_loss(s, **given, reduction="none")
        entropy = assignment_entropy(
            s,
            problem.batch,
            problem.batch_size,
            convention="reference",
            reduction="none",
            validate=False,
        )
        return projection(*pooled, link, entropy)

    def oracles(s):
        x = problem.x * s[:, :1].sin()
        pooled = coarsen_oracle(problem, x, s)
        return projection(*pooled, link_oracle(problem, s), entropy_oracle(problem, s))

    s = leaf(0.9 * problem.s)  # at exactly 1 the slope of an entropy counts as 0
    (found,) = torch.autograd.grad(penalised(ours(s), s), s)
    (wanted,) = torch.autograd.grad(penalised(oracles(s), s), s)
    assert_close(found, wanted, rtol=1e-7, atol=1e-7)


def test_near_the_optimum_products_are_in_float64():
    """Ten cliques of a hundred: float32 products would leave nothing of the distance."""
    cliques = torch.arange(10).repeat_interleave(100)
    source, target = (cliques.unsqueeze(1) == cliques).nonzero().t()
    edges = torch.stack([source, target])
    logits = 10.0 * torch.nn.functional.one_hot(cliques).float() - 5

    def slope(dtype):
        s = leaf(logits, dtype)
        loss = link_prediction_loss(s.softmax(-1), edges)
        (first,) = torch.autograd.grad(loss, s, create_graph=True)
        (second,) = torch.autograd.grad((first * logits).sum(), s)
        return first.double(), second.double()

    assert_close(slope(torch.float32), slope(torch.float64), rtol=1e-3, atol=1e-6)


def test_gradients_in_batches():
    problem = CORNER_CASES["directed, signed weights"]
    x, s, weight = inputs(problem)
    for convention in CONVENTIONS:
        given = level(problem, weight)
        if convention == "reference":
            given["edge_weight"] = weight.abs().clamp(max=1) * 0.9
        out = torch.cat(
            [part.flatten() for part in diff_pool(x, s, **given, convention=convention)]
        )
        basis = torch.eye(out.numel()).double()
        together = torch.autograd.grad(
            out, (x, s, weight), basis, is_grads_batched=True, retain_graph=True
        )
        each = [torch.autograd.grad(out, (x, s, weight), row, retain_graph=True) for row in basis]
        assert_close(together, tuple(map(torch.stack, zip(*each, strict=True))))


@pytest.mark.parametrize("backend", ["padded", "ragged"])
def test_first_derivatives_are_the_same_whether_or_not_there_is_a_second(backend):
    """Many small graphs beside a large one, where padding would be wasteful."""
    problem = make_problem((3,) * 40 + (90,), num_clusters=6, num_features=20)
    x, s, weight = inputs(problem)
    out = coarsen(x, s, **level(problem, weight), backend=backend)
    once = torch.autograd.grad(projection(*out), (x, s, weight), retain_graph=True)
    again = torch.autograd.grad(projection(*out), (x, s, weight), create_graph=True)
    assert_close(once, again)


@pytest.mark.parametrize("name", ["contract", "sparse_product"])
def test_registered_operators_have_second_derivatives(name):
    problem = CORNER_CASES["directed, signed weights"]
    x, s, weight = inputs(problem)
    adjacency = prepare_adjacency(problem.edge_index, weight, problem.num_nodes)
    graphs = segments(problem.num_nodes, problem.batch, 3, None, x.device, None)

    def function(x, s):
        if name == "sparse_product":
            return OPERATORS.sparse_product(x, adjacency.weight, *adjacency_structure(adjacency))
        return OPERATORS.contract(x, s, *flat(SparseLevel(adjacency, graphs)), "auto", True)[:4]

    assert gradgradcheck(function, (x, s) if name == "contract" else (x, s.detach()))


def test_gradients_that_are_operators_refuse_to_be_differentiated():
    problem = CORNER_CASES["directed, signed weights"]
    x, _, weight = inputs(problem)
    adjacency = prepare_adjacency(problem.edge_index, weight, problem.num_nodes)
    arguments = (adjacency.weight, *adjacency_structure(adjacency))
    for out, name in (
        (OPERATORS.transposed_product(x, *arguments), "transposed_product"),
        (OPERATORS.edge_products(x, x, *arguments), "edge_products"),
    ):
        for ask in (
            lambda out: out.sum().backward(),
            lambda out: torch.autograd.grad(out.sum(), x),
        ):
            with pytest.raises(NotImplementedError, match=f"pyg_diffpool::{name}: "):
                ask(out)


def test_gradients_that_are_computed_again_are_of_what_is_needed():
    x, y = leaf(torch.tensor([2.0])), leaf(torch.tensor([5.0]))

    def both(x, y, name):
        return x * y, (x + 1).detach()

    def found(needed, *gradients):
        return plain_gradients(both, (x, y, "name"), needed, gradients)

    one = torch.ones(1)
    assert found((True, True, False), one, None) == (torch.tensor([5.0]), torch.tensor([2.0]), None)
    assert found((False, True), one, one) == (None, torch.tensor([2.0]), None)
    assert found((False, False), one, one) == (None, None, None)
    # No gradient arrives, or none that can go on.
    assert found((True, True), None, None) == (None, None, None)
    assert found((True, True), None, one) == (None, None, None)
