"""The three conventions of the link prediction loss against their definitions on dense matrices."""

from dataclasses import replace

import pytest
import torch
from hypothesis import assume, settings
from torch.testing import assert_close
from torch_geometric.nn import dense_diff_pool as pyg_dense_diff_pool

from pyg_diffpool import link_prediction_loss
from tests.formats import FORMATS, adjacency_format
from tests.oracles import link_oracle
from tests.problems import (
    CORNER_CASES,
    LargestTensor,
    Problem,
    leaf,
    make_problem,
    on_problems,
)

# Near zero the factorised identity cancels: its float64 root is good to about 1e-7 there.
NEAR = {"rtol": 1e-8, "atol": 1e-6}
EXACT = {"rtol": 1e-9, "atol": 1e-9}
NAN = float("nan")


def link(problem: Problem, s: torch.Tensor, **changes) -> torch.Tensor:
    arguments = {
        "edge_index": problem.edge_index,
        "edge_weight": problem.edge_weight,
        "batch": problem.batch,
        "batch_size": problem.batch_size,
    }
    return link_prediction_loss(s, **{**arguments, **changes})


def reduce(losses: torch.Tensor, reduction: str, denominator: int | None = None) -> torch.Tensor:
    if reduction == "none":
        return losses
    total = losses.sum()
    return total if reduction == "sum" else total / (denominator or len(losses))


def gradients(loss: torch.Tensor, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Gradients of a projection of the losses, so that every graph's one counts."""
    direction = torch.arange(1.0, loss.numel() + 1, dtype=torch.float64).reshape(loss.shape)
    return torch.autograd.grad((loss * direction).sum(), inputs, retain_graph=True)


@pytest.mark.parametrize("scale", [None, "nodes"])
@on_problems()
def test_paper(scale, problem):
    logits, weight = leaf(problem.logits), leaf(problem.weight)
    given_weight = None if problem.edge_weight is None else weight
    inputs = (logits,) if given_weight is None else (logits, weight)
    for reduction in ("none", "mean", "sum"):
        s = logits.softmax(dim=-1)
        losses = link_oracle(problem, s, weight, scale=scale)
        wanted = reduce(losses, reduction)
        loss = link(problem, s, edge_weight=given_weight, scale=scale, reduction=reduction)
        assert_close(loss, wanted, **NEAR)
        if not ((losses > 0) & (losses < 1e-4)).any():
            assert_close(gradients(loss, *inputs), gradients(wanted, *inputs), **NEAR)


def test_paper_is_the_default_and_a_mean_over_graphs():
    problem = make_problem((4, 0, 3), edges_per_node=2.0)
    expected = link_oracle(problem, problem.s).sum() / 3
    assert_close(link(problem, problem.s), expected, **EXACT)


@settings(max_examples=15)
@on_problems(weights=("none", "positive"))
def test_reference(problem):
    logits, weight = leaf(problem.logits), leaf(problem.weight)
    given_weight = None if problem.edge_weight is None else weight
    inputs = (logits,) if given_weight is None else (logits, weight)
    s = logits.softmax(dim=-1)
    losses = link_oracle(problem, s, weight, convention="reference")
    pairs = sum(n * n for n in problem.sizes)
    for reduction in ("none", "mean", "sum"):
        options = {"convention": "reference", "reduction": reduction}
        loss = link(problem, s, edge_weight=given_weight, **options)
        wanted = reduce(losses, reduction, max(pairs, 1))
        assert_close(loss, wanted, rtol=1e-7, atol=1e-7)
        got = gradients(loss, logits)
        assert_close(got, gradients(wanted, logits), rtol=1e-6, atol=1e-6)
    if given_weight is not None:
        summed = torch.cat([problem.adjacency(g).flatten() for g in range(problem.batch_size)])
        if not (summed == 1).any():  # at the clamp's corner either one-sided slope is right
            got = gradients(link(problem, s, edge_weight=weight, **options), *inputs)
            # The oracle's sum over no node depends on nothing: its gradient is zero.
            options = {"materialize_grads": True, "allow_unused": True}
            wanted = torch.autograd.grad(losses.sum(), inputs, **options)
            assert_close(got, wanted, rtol=1e-6, atol=1e-6)


def test_reference_clamps_summed_duplicates():
    once = replace(make_problem((3,)), edge_index=torch.tensor([[0, 1], [1, 2]]), edge_weight=None)
    twice = replace(once, edge_index=once.edge_index.repeat(1, 3))
    losses = [link(problem, once.s, convention="reference") for problem in (once, twice)]
    assert_close(losses[1], losses[0], **EXACT)
    assert losses[0] > 0


@pytest.mark.parametrize("weight", [1.5, -0.25])
def test_reference_refuses_weights_outside_the_unit_interval(weight):
    problem = make_problem((3,), edges_per_node=2.0, duplicates=False)
    edge_weight = torch.full((problem.edge_index.size(1),), 0.5, dtype=torch.float64)
    edge_weight[0] = weight
    with pytest.raises(ValueError, match="edge_weight"):
        link(problem, problem.s, edge_weight=edge_weight, convention="reference")


def test_reference_keeps_no_quadratic_tensor_for_backward():
    n, k = 2000, 8
    edge_index = torch.randint(n, (2, 4 * n))
    logits = torch.randn(n, k, requires_grad=True)
    saved = []

    def pack(tensor):
        saved.append(tensor.numel() if tensor.layout == torch.strided else tensor._nnz())
        return tensor

    with LargestTensor() as largest:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = link_prediction_loss(logits.softmax(dim=-1), edge_index, convention="reference")
        loss.backward()
    assert saved
    assert max(saved) < n * n // 20
    assert largest.numel < n * n // 2  # the backward pass recomputes tile by tile

    exact = logits.detach().double().requires_grad_()
    s = exact.softmax(dim=-1)
    adjacency = torch.zeros(n, n, dtype=torch.float64)
    adjacency[edge_index[0], edge_index[1]] = 1.0
    p = (s @ s.t()).clamp(max=1.0)
    pairs = adjacency * (p + 1e-7).log() + (1 - adjacency) * (1 - p + 1e-7).log()
    wanted = -pairs.sum() / n**2
    wanted.backward()
    assert_close(loss.double(), wanted, rtol=1e-5, atol=0.0)
    assert (logits.grad - exact.grad).norm() <= 1e-4 * exact.grad.norm()


@pytest.mark.parametrize("normalize", [True, False])
@on_problems()
def test_pyg(normalize, problem):
    assume(problem.num_nodes > 0)
    logits, weight = leaf(problem.logits), leaf(problem.weight)
    given_weight = None if problem.edge_weight is None else weight
    inputs = (logits,) if given_weight is None else (logits, weight)
    for width in (max(problem.sizes), max(problem.sizes) + 2):
        dense, mask = problem.to_dense(logits, width)
        features, _ = problem.to_dense(problem.x, width)
        adjacency = problem.to_dense_adjacency(weight, width)
        wanted = pyg_dense_diff_pool(features, adjacency, dense, mask, normalize)[2]
        loss = link(
            problem,
            logits.softmax(dim=-1),
            edge_weight=given_weight,
            convention="pyg",
            normalize=normalize,
            max_num_nodes=width,
        )
        assert_close(loss, wanted, **NEAR)
        if wanted * (adjacency.numel() if normalize else 1) > 1e-4:
            assert_close(gradients(loss, *inputs), gradients(wanted, *inputs), **NEAR)


def test_pyg_pads_to_the_largest_graph():
    problem = make_problem((4, 0, 6))
    squares = link_oracle(problem, problem.s, convention="pyg").sum()
    expected = squares.sqrt() / (3 * 6 * 6)
    assert_close(link(problem, problem.s, convention="pyg"), expected, **EXACT)


@pytest.mark.parametrize(
    ("convention", "fill"),
    # PyG's number counts what stands in the padding of A, so only zeros are fair there.
    [("paper", 0.0), ("paper", NAN), ("reference", 0.0), ("reference", NAN), ("pyg", 0.0)],
)
def test_dense_level_equals_the_sparse_one(convention, fill):
    problem = make_problem((5, 0, 1, 3), weights="positive", duplicates=False)
    s, mask = problem.to_dense(problem.s, fill=fill)
    s = leaf(s)
    adjacency = leaf(problem.to_dense_adjacency(fill=fill))
    loss = link_prediction_loss(s, adjacency, mask=mask, convention=convention)
    sparse_s, weight = leaf(problem.s), leaf(problem.weight)
    wanted = link(problem, sparse_s, edge_weight=weight, convention=convention)
    assert_close(loss, wanted, **EXACT)
    gradient_s, gradient_adjacency = torch.autograd.grad(loss, (s, adjacency))
    assert gradient_s.isfinite().all()
    assert gradient_adjacency.isfinite().all()
    assert_close(gradient_s[mask], torch.autograd.grad(wanted, sparse_s)[0], **EXACT)


@pytest.mark.parametrize("convention", ["paper", "pyg", "reference"])
@pytest.mark.parametrize("name", FORMATS)
def test_adjacency_formats_agree(name, convention):
    problem = make_problem((5, 0, 4), weights="positive")
    if convention == "reference":
        # A coalescing format sums duplicates before anyone could look at single weights.
        problem = make_problem((5, 0, 4), weights="positive", duplicates=False)
    edge_index, edge_weight = adjacency_format(problem, name)
    loss = link(
        problem, problem.s, edge_index=edge_index, edge_weight=edge_weight, convention=convention
    )
    assert_close(loss, link(problem, problem.s, convention=convention), **EXACT)


@pytest.mark.parametrize("convention", ["paper", "reference"])
def test_independent_of_mates_padding_and_order(convention):
    problem = make_problem((5, 0, 1, 4), weights="positive", duplicates=False)
    options = {"convention": convention, "reduction": "none"}
    losses = link(problem, problem.s, **options)
    permuted, order = problem.permute_nodes()
    assert_close(link(permuted, problem.s[order], **options), losses, **EXACT)
    assert_close(link(problem.permute_edges(), problem.s, **options), losses, **EXACT)
    assert_close(link(problem, problem.s, max_num_nodes=9, **options), losses, **EXACT)
    for graph in range(problem.batch_size):
        alone = problem.select(graph)
        assert_close(link(alone, alone.s, **options), losses[graph : graph + 1], **EXACT)


@pytest.mark.parametrize("directed", [True, False])
def test_float32_on_a_large_graph(directed):
    n = 3700
    edge_index = torch.randint(n, (2, 3 * n))
    if not directed:
        edge_index = torch.cat([edge_index, edge_index.flip(0)], dim=1)
    s = (3 * torch.randn(n, 24)).softmax(dim=-1).requires_grad_()
    adjacency = torch.zeros(n, n, dtype=torch.float64)
    adjacency.index_put_(tuple(edge_index), torch.ones(()).double(), accumulate=True)
    exact = s.detach().double().requires_grad_()
    wanted = torch.linalg.norm(adjacency - exact @ exact.t())
    loss = link_prediction_loss(s, edge_index)
    assert abs(loss.double() - wanted) <= 1e-5 * wanted

    (gradient,) = torch.autograd.grad(loss, s)
    (wanted_gradient,) = torch.autograd.grad(wanted, exact)
    assert (gradient - wanted_gradient).norm() <= 1e-4 * wanted_gradient.norm()


@pytest.mark.parametrize("convention", ["paper", "pyg"])
def test_float32_near_the_optimum(convention):
    block = torch.arange(10).repeat_interleave(100)
    adjacency = (block.unsqueeze(0) == block.unsqueeze(1)).double()
    logits = torch.full((1000, 10), -5.0)
    logits[torch.arange(1000), block] = 5.0
    logits.requires_grad_()
    s = logits.softmax(dim=-1)
    edge_index = adjacency.nonzero().t()

    exact = logits.detach().double().requires_grad_()
    exact_s = exact.softmax(dim=-1)
    wanted = torch.linalg.norm(adjacency - exact_s @ exact_s.t())
    options = {"normalize": False} if convention == "pyg" else {}
    loss = link_prediction_loss(s, edge_index, convention=convention, **options)
    assert abs(loss.double() - wanted) <= 1e-2 * wanted

    (gradient,) = torch.autograd.grad(loss, logits)
    (wanted_gradient,) = torch.autograd.grad(wanted, exact)
    assert gradient.isfinite().all()
    assert (gradient - wanted_gradient).norm() <= 5e-2 * wanted_gradient.norm()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("convention", ["paper", "pyg"])
def test_exact_zero(convention, dtype):
    block = torch.tensor([0, 0, 1, 2, 2, 2])
    s = torch.eye(3, dtype=dtype)[block].requires_grad_()
    edge_index = (block.unsqueeze(0) == block.unsqueeze(1)).nonzero().t()
    loss = link_prediction_loss(s, edge_index, convention=convention)
    loss.backward()
    assert loss == 0
    assert s.grad.count_nonzero() == 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("convention", ["paper", "pyg", "reference"])
def test_extreme_logits_and_masked_columns(convention, dtype):
    problem = make_problem((6, 0, 4), weights="none")
    logits = (1e4 * problem.logits.sign()).to(dtype)
    logits[:, -1] = float("-inf")
    logits.requires_grad_()
    # The slope of the cross-entropy at zero, 1e7, is beyond float16: S is then in float32.
    wide = convention == "reference" and dtype == torch.float16
    s = logits.softmax(dim=-1, dtype=torch.float32 if wide else dtype)
    loss = link(problem, s, convention=convention)
    loss.backward()
    expected = link_oracle(problem, logits.detach().double().softmax(dim=-1), None, convention)
    if convention == "paper":
        assert_close(loss.double(), expected.mean(), rtol=1e-2, atol=1e-2)
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("convention", ["paper", "pyg"])
def test_bad_numbers_are_not_hidden(convention):
    problem = make_problem((4, 3))
    loss = link(problem, torch.full_like(problem.s, NAN), convention=convention)
    assert loss.isnan()


@pytest.mark.parametrize("convention", ["paper", "reference"])
def test_batches_of_empty_graphs_count_as_zero(convention):
    problem = CORNER_CASES["no nodes at all"]
    s = leaf(problem.s)
    losses = link(problem, s, convention=convention, reduction="none")
    assert losses.tolist() == [0.0, 0.0]
    loss = link(problem, s, convention=convention)
    loss.backward()
    assert loss == 0


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("reduction", {"convention": "pyg", "reduction": "none"}),
        ("reduction", {"convention": "pyg", "reduction": "sum"}),
        ("reduction", {"reduction": "average"}),
        ("convention", {"convention": "authors"}),
        ("scale", {"scale": "edges"}),
        ("batch", {"batch": torch.tensor([0, 1, 0, 1, 1])}),
        ("edge_index", {"edge_index": torch.tensor([[0], [4]]), "edge_weight": None}),
        ("edge_index", {"edge_index": torch.tensor([[0], [5]]), "edge_weight": None}),
        ("edge_weight", {"edge_weight": torch.ones(1)}),
    ],
)
def test_bad_input_names_the_argument(name, changes):
    problem = make_problem((3, 2))
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        link(problem, problem.s, **changes)


@pytest.mark.parametrize("convention", ["paper", "reference", "pyg"])
def test_one_assignment_for_all_graphs_beside_a_mask_of_each(convention):
    problem = make_problem((3, 1), weights="positive", duplicates=False)
    s = problem.s[:3].unsqueeze(0)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    adj = problem.to_dense_adjacency()
    found = link_prediction_loss(s, adj, mask=mask, convention=convention)
    rows = torch.cat([problem.s[:3], problem.s[:1]])
    squared = link_oracle(problem, rows, convention=convention)
    wanted = {
        "paper": squared.mean(),
        "reference": squared.sum() / (3**2 + 1),
        "pyg": squared.sum().sqrt() / (2 * 3**2),
    }
    assert_close(found, wanted[convention])
