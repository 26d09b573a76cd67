"""Edge features between the clusters of sparse levels, against loops over edges and clusters."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.contract.sparse_coarsening import pooled_adjacency
from pyg_diffpool.ops.edge_features import EdgeFeatures
from pyg_diffpool.ops.sparse_edge_features import pool_edge_features_sparsely
from tests.ops.contract.assignments import assign
from tests.ops.contract.levels import level_of
from tests.problems import leaf, make_problem, on_problems, projection

EXACT = {"rtol": 1e-8, "atol": 1e-8}
CHANNELS = 2


def pooling_of(problem, name="sparsemax", logits=None, weight=None):
    """The assignment and the pooled adjacency of a problem."""
    level = level_of(problem, weight)
    s = assign(problem, level, name, logits)
    undirected = level.adjacency.undirected is True
    return s, pooled_adjacency(level, s).adjacency(torch.float64, undirected)


def features_of(problem, values=None, weight=None):
    if values is None:
        generator = torch.Generator().manual_seed(1)
        shape = (problem.edge_index.size(1), CHANNELS)
        values = torch.randn(shape, generator=generator, dtype=torch.float64)
    source, target = problem.edge_index
    return EdgeFeatures(values, source, target, weight)


def oracle(features, s, adjacency, reduce):
    """Loops over pooled edges; the matrix of all clusters is formed."""
    matrix = s.value.new_zeros(s.shape).index_put((s.pattern.row, s.pattern.col), s.value)
    rows = [features.values.new_empty(0, CHANNELS)]
    for pooled in range(adjacency.col.numel()):
        a, b = adjacency.col[pooled], adjacency.target[pooled]
        factor = matrix[features.source, a] * matrix[features.target, b]
        if reduce == "mean" and features.weight is not None:
            factor = factor * features.weight
        total = (factor.unsqueeze(1) * features.values).sum(0)
        if reduce == "mean":
            weight = adjacency.weight[pooled]
            total = total / weight if weight != 0 else total * 0
        rows.append(total.unsqueeze(0))
    return torch.cat(rows)


@pytest.mark.parametrize("reduce", ["mean", "sum"])
@pytest.mark.parametrize("name", ["sparsemax", "straight-through"])
@on_problems(weights=("none", "positive"))
def test_values_and_gradients_equal_loops(name, reduce, problem):
    logits, values = leaf(problem.logits), leaf(features_of(problem).values)
    weight = leaf(problem.weight)
    s, adjacency = pooling_of(problem, name, logits, weight)
    features = features_of(problem, values, weight)
    found = pool_edge_features_sparsely(features, s, adjacency, reduce)
    expected = oracle(features, s, adjacency, reduce)
    assert_close(found, expected, **EXACT)
    if found.numel() == 0:
        return
    options = {"materialize_grads": True, "allow_unused": True, "retain_graph": True}
    inputs = values, weight, logits
    slopes = [torch.autograd.grad(projection(out), inputs, **options) for out in (found, expected)]
    assert_close(*slopes, **EXACT)


def test_derivatives():
    problem = make_problem((4, 3), edges_per_node=2.0, weights="positive")
    weight = problem.weight

    def pool(logits, values):
        s, adjacency = pooling_of(problem, "sparsemax", logits)
        features = features_of(problem, values, weight)
        return pool_edge_features_sparsely(features, s, adjacency, "mean")

    inputs = leaf(problem.logits), leaf(features_of(problem).values)
    assert torch.autograd.gradcheck(pool, inputs)
    assert torch.autograd.gradgradcheck(pool, inputs)


def test_entries_that_are_none_of_the_adjacency_are_left_out():
    problem = make_problem((3,), edges_per_node=2.0, weights="none")
    s, adjacency = pooling_of(problem)
    kept = adjacency.target != adjacency.target[-1]
    rowptr = torch.cat(
        [
            torch.zeros(1).long(),
            torch.bincount(adjacency.target[kept], minlength=adjacency.num_nodes).cumsum(0),
        ]
    )
    fewer = adjacency._replace(
        rowptr=rowptr,
        col=adjacency.col[kept],
        target=adjacency.target[kept],
        weight=adjacency.weight[kept],
    )
    everything = pool_edge_features_sparsely(features_of(problem), s, adjacency, "sum")
    found = pool_edge_features_sparsely(features_of(problem), s, fewer, "sum")
    assert_close(found, everything[kept], **EXACT)


def test_no_row_of_features_is_kept_for_a_pair():
    """With wide features, the largest tensors that wait for the backward pass are theirs."""
    problem = make_problem((30,), num_clusters=8, edges_per_node=3.0, weights="none")
    s, adjacency = pooling_of(problem, logits=leaf(problem.logits))
    values = torch.randn(problem.edge_index.size(1), 500).double().requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: kept.append(tensor.numel()) or tensor, lambda tensor: tensor
    ):
        out = pool_edge_features_sparsely(features_of(problem, values), s, adjacency, "mean")
    assert max(kept) == max(values.numel(), out.numel())
    assert s.value.numel() > 30
    out.sum().backward()
    assert values.grad.isfinite().all()
