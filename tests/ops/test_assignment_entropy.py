"""The three conventions of the entropy objective, and its gradient at one-hot rows."""

import pytest
import torch
from hypothesis import assume, given
from torch.testing import assert_close
from torch_geometric.nn import dense_diff_pool as pyg_dense_diff_pool

from pyg_diffpool import assignment_entropy
from tests.oracles import entropy_oracle, masked_softmax_oracle
from tests.problems import CORNER_CASES, leaf, make_problem, on_problems, problems

EXACT = {"rtol": 1e-9, "atol": 1e-9}
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
CONVENTIONS = ["paper", "reference", "pyg"]


def gradient(losses, logits):
    direction = torch.arange(1.0, losses.numel() + 1, dtype=torch.float64).reshape(losses.shape)
    return torch.autograd.grad((losses * direction).sum(), logits, retain_graph=True)[0]


@on_problems(weights=("none",))
def test_paper_and_reference(problem):
    logits = leaf(problem.logits)
    s = logits.softmax(dim=-1)
    sums = entropy_oracle(problem, s)
    sizes = torch.tensor(problem.sizes)
    per_graph = {"paper": sums / sizes.clamp(min=1), "reference": sums}
    denominator = {"paper": problem.batch_size, "reference": max(problem.num_nodes, 1)}
    for convention, expected in per_graph.items():
        for reduction, wanted in {
            "none": expected,
            "sum": expected.sum(),
            "mean": expected.sum() / denominator[convention],
        }.items():
            entropy = assignment_entropy(
                s, problem.batch, problem.batch_size, convention=convention, reduction=reduction
            )
            assert_close(entropy, wanted, **EXACT)
            assert_close(gradient(entropy, logits), gradient(wanted, logits), **EXACT)


@given(problem=problems())
def test_pyg(problem):
    assume(problem.num_nodes > 0)
    logits = leaf(problem.logits)
    for width in (max(problem.sizes), max(problem.sizes) + 2):
        dense, mask = problem.to_dense(logits, width)
        features, _ = problem.to_dense(problem.x, width)
        adjacency = problem.to_dense_adjacency(max_num_nodes=width)
        wanted = pyg_dense_diff_pool(features, adjacency, dense, mask)[3]
        entropy = assignment_entropy(
            logits.softmax(dim=-1),
            problem.batch,
            problem.batch_size,
            convention="pyg",
            max_num_nodes=width,
        )
        assert_close(entropy, wanted, **EXACT)
        assert_close(gradient(entropy, logits), gradient(wanted, logits), **EXACT)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_batch_is_optional_for_one_graph(convention):
    problem = make_problem((5,))
    with_batch = assignment_entropy(problem.s, problem.batch, 1, convention=convention)
    assert_close(assignment_entropy(problem.s, convention=convention), with_batch, **EXACT)
    assert_close(with_batch, entropy_oracle(problem, problem.s)[0] / 5, **EXACT)


@pytest.mark.parametrize("fill", [0.0, float("nan"), float("inf")])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_dense_level_equals_the_sparse_one(convention, fill):
    problem = make_problem((5, 0, 1, 3))
    s, mask = problem.to_dense(problem.s, fill=fill)
    s, sparse_s = leaf(s), leaf(problem.s)
    entropy = assignment_entropy(s, mask=mask, convention=convention)
    wanted = assignment_entropy(sparse_s, problem.batch, 4, convention=convention)
    assert_close(entropy, wanted, **EXACT)
    (dense_gradient,) = torch.autograd.grad(entropy, s)
    assert_close(dense_gradient[mask], torch.autograd.grad(wanted, sparse_s)[0], **EXACT)
    assert dense_gradient[~mask].count_nonzero() == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_one_hot_rows_have_no_entropy_and_no_gradient(convention, dtype):
    logits = torch.tensor([[1e4, -1e4, 0.0], [-1e4, -1e4, 1e4]], dtype=dtype, requires_grad=True)
    s = logits.softmax(dim=-1)
    s.retain_grad()
    entropy = assignment_entropy(s, convention=convention)
    entropy.backward()
    assert abs(entropy.item()) <= 1e-14
    assert s.grad.isfinite().all()
    assert logits.grad.count_nonzero() == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_masked_columns(convention, dtype):
    problem = make_problem((4, 3), num_clusters=4)
    logits = problem.logits.to(dtype)
    logits[:4, 2:] = float("-inf")
    logits.requires_grad_()
    entropy = assignment_entropy(logits.softmax(dim=-1), problem.batch, 2, convention=convention)
    entropy.backward()
    sums = entropy_oracle(problem, masked_softmax_oracle(problem, problem.logits, [2, 4]))
    denominator = {
        "paper": torch.tensor([8.0, 6.0]),
        "reference": torch.tensor([7.0, 7.0]),
        "pyg": torch.tensor([8.0, 8.0]),
    }
    expected = (sums / denominator[convention]).sum()
    assert_close(entropy.double(), expected, rtol=2e-2, atol=0.0)
    assert logits.grad.isfinite().all()
    assert logits.grad[:4, 2:].count_nonzero() == 0
    assert logits.grad[:4, :2].count_nonzero() > 0


@pytest.mark.parametrize("convention", ["paper", "reference"])
def test_empty_graphs_count_as_zero(convention):
    problem = CORNER_CASES["no nodes at all"]
    s = leaf(problem.s)
    entropy = assignment_entropy(s, problem.batch, 2, convention=convention)
    entropy.backward()
    assert entropy == 0


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("reduction", {"convention": "pyg", "reduction": "none"}),
        ("reduction", {"reduction": "average"}),
        ("convention", {"convention": "authors"}),
        ("batch", {"batch": torch.tensor([0, 0, 1])}),
    ],
)
def test_bad_input_names_the_argument(name, changes):
    problem = make_problem((3, 2))
    arguments = {"batch": problem.batch, "batch_size": 2}
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        assignment_entropy(problem.s, **{**arguments, **changes})
