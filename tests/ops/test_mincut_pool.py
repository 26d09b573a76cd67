"""MinCut pooling against PyG's dense function, and where that is not finite."""

import pytest
import torch
from torch.testing import assert_close
from torch_geometric.nn import dense_mincut_pool

from pyg_diffpool import mincut_pool
from tests.problems import CORNER_CASES, LargestTensor, leaf, make_problem

EXACT = {"rtol": 1e-9, "atol": 1e-9}
# Every graph has edges, and a cluster has neighbours: where PyG's function is right.
PROBLEMS = {
    "undirected": make_problem((5, 6, 4), directed=False, weights="positive"),
    "directed": make_problem((6, 4), weights="positive", num_clusters=4),
    "unweighted": make_problem((5, 7), directed=False, weights="none"),
}


def given(problem, weight):
    weight = None if problem.edge_weight is None else weight
    return problem.edge_index, weight, problem.batch, problem.batch_size


@pytest.mark.parametrize("temp", [1.0, 0.5])
@pytest.mark.parametrize("name", PROBLEMS)
def test_values_and_gradients_of_pyg(name, temp):
    problem = PROBLEMS[name]
    x, logits, weight = (leaf(t) for t in (problem.x, problem.logits, problem.weight))
    (dense_x, mask), (dense_s, _) = problem.to_dense(x), problem.to_dense(logits)
    adj = problem.to_dense_adjacency(weight)
    wanted = dense_mincut_pool(dense_x, adj, dense_s, mask, temp)
    found = mincut_pool(x, logits, *given(problem, weight), temp=temp)
    assert_close(found, wanted, **EXACT)
    on_dense = mincut_pool(dense_x, dense_s, adj, mask=mask, temp=temp)
    assert_close(on_dense, wanted, **EXACT)
    inputs = (x, logits) if problem.edge_weight is None else (x, logits, weight)
    directions = [torch.randn_like(value) for value in wanted]

    def gradients(values):
        total = sum((v * d).sum() for v, d in zip(values, directions, strict=True))
        return torch.autograd.grad(total, inputs, retain_graph=True)

    assert_close(gradients(found), gradients(wanted), **EXACT)
    assert_close(gradients(on_dense), gradients(wanted), **EXACT)


@pytest.mark.parametrize("case", CORNER_CASES)
def test_finite_where_pyg_is_not(case):
    problem = CORNER_CASES[case]
    x, logits, weight = (leaf(t) for t in (problem.x, problem.logits, problem.weight))
    found = mincut_pool(x, logits, *given(problem, weight))
    for value in found:
        assert value.isfinite().all()
    total = sum(value.sum() for value in found)
    for gradient in torch.autograd.grad(
        total, (x, logits, weight), materialize_grads=True, allow_unused=True
    ):
        assert gradient.isfinite().all()


def test_derivatives():
    problem = PROBLEMS["undirected"]
    x, logits, weight = (leaf(t) for t in (problem.x, problem.logits, problem.weight))

    def pool(x, logits, weight):
        return mincut_pool(x, logits, *given(problem, weight))

    assert torch.autograd.gradcheck(pool, (x, logits, weight))
    assert torch.autograd.gradgradcheck(pool, (x, logits, weight))


def test_no_matrix_of_all_pairs():
    n, k = 2000, 4
    edge_index = torch.randint(n, (2, 4 * n))
    logits = leaf(torch.randn(n, k))
    with LargestTensor() as largest:
        outputs = mincut_pool(torch.randn(n, 8), logits, edge_index)
        sum(value.sum() for value in outputs).backward()
    assert largest.numel <= 8 * n * (2 * k + 8)


@pytest.mark.parametrize(
    ("error", "temp"),
    [(ValueError, 0.0), (ValueError, float("inf")), (TypeError, "1"), (TypeError, True)],
)
def test_temperatures(error, temp):
    problem = PROBLEMS["undirected"]
    with pytest.raises(error, match="temp: expected"):
        mincut_pool(problem.x, problem.logits, problem.edge_index, batch=problem.batch, temp=temp)


def test_backends_by_name():
    problem = PROBLEMS["undirected"]
    arguments = (problem.x, problem.logits, *given(problem, problem.weight))
    for backend in ("padded", "ragged"):
        assert_close(mincut_pool(*arguments, backend=backend), mincut_pool(*arguments), **EXACT)
    with pytest.raises(ValueError, match="backend: expected"):
        mincut_pool(*arguments, backend="best")
