"""From clusters back to nodes: the adjoint of pooling, over one and several levels."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.testing import assert_close

from pyg_diffpool import DiffPool, PooledGraph, SAGEConv
from tests.problems import Problem, make_problem, on_problems

EXACT = {"rtol": 1e-8, "atol": 1e-8}


def pool_of(channels: int, clusters: int, ratio: float | None = None) -> DiffPool:
    networks = SAGEConv(channels, 3), SAGEConv(channels, clusters)
    return DiffPool(*networks, max_clusters=clusters, ratio=ratio).double()


def pooled_by(layer: DiffPool, problem: Problem) -> PooledGraph:
    given = problem.edge_index, problem.edge_weight, problem.batch, problem.batch_size
    return layer(problem.x, *given)


def random_like(rows: torch.Tensor, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows.shape, generator=generator, dtype=rows.dtype)


@pytest.mark.parametrize("ratio", [None, 0.5])
@on_problems()
def test_each_node_gets_the_rows_of_its_clusters(ratio, problem):
    pooled = pooled_by(pool_of(problem.x.size(1), 4, ratio), problem)
    rows = random_like(pooled.x)
    found = pooled.unpool(rows)
    assert found.shape == (problem.num_nodes, rows.size(-1))
    for graph in range(problem.batch_size):
        nodes = problem.rows(graph)
        assert_close(found[nodes], pooled.assignment[nodes] @ rows[graph], **EXACT)


@pytest.mark.parametrize("ratio", [None, 0.5])
@on_problems()
def test_it_is_adjoint_to_pooling_over_two_levels(ratio, problem):
    """<unpool(y), z> = <y, pool(z)>, where pooling is Sᵀ of each level."""
    torch.manual_seed(0)
    first = pooled_by(pool_of(problem.x.size(1), 4, ratio), problem)
    second = pool_of(3, 2, ratio)(first.x, first.adj, mask=first.mask)
    y = random_like(second.x)
    z = random_like(problem.x)
    pooled = torch.zeros(problem.batch_size, 4, z.size(1), dtype=torch.float64)
    for graph in range(problem.batch_size):
        nodes = problem.rows(graph)
        pooled[graph] = first.assignment[nodes].t() @ z[nodes]
    s = second.assignment * first.mask.unsqueeze(-1)
    pooled = s.transpose(1, 2) @ pooled
    width = min(y.size(-1), z.size(-1))
    found = first.unpool(second.unpool(y))
    left = (found[:, :width] * z[:, :width]).sum()
    assert_close(left, (y[..., :width] * pooled[..., :width]).sum(), **EXACT)


def test_masked_clusters_and_rows_that_are_no_nodes_are_left_out():
    problem = make_problem((6, 2), num_features=3)
    first = pooled_by(pool_of(3, 4, ratio=0.5), problem)
    second = pool_of(3, 2, ratio=0.5)(first.x, first.adj, mask=first.mask)
    rows = random_like(second.x).masked_fill(~second.mask.unsqueeze(-1), torch.nan)
    clusters = second.unpool(rows)
    assert clusters.isfinite().all()
    assert clusters[~first.mask].count_nonzero() == 0
    broken = clusters.masked_fill(~first.mask.unsqueeze(-1), torch.nan)
    assert_close(first.unpool(broken), first.unpool(clusters))


@pytest.mark.parametrize("sizes", [(5,), (5, 0, 2), (1, 1, 1, 1, 1, 1, 1, 9)])
def test_gradients(sizes):
    problem = make_problem(sizes, num_features=3)
    pooled = pooled_by(pool_of(3, 4, ratio=0.5), problem)

    def unpool(assignment, rows):
        return pooled._replace(assignment=assignment).unpool(rows)

    inputs = pooled.assignment.detach(), random_like(pooled.x)
    assert gradcheck(unpool, tuple(value.requires_grad_() for value in inputs))


def test_half_precision_rows_stay_in_half_precision():
    layer = DiffPool(SAGEConv(3, 4), SAGEConv(3, 2), max_clusters=2).bfloat16()
    pooled = layer(torch.randn(5, 3).bfloat16(), torch.tensor([[0, 1], [1, 0]]))
    assert pooled.unpool(pooled.x).dtype == torch.bfloat16


@pytest.mark.parametrize("shape", [(2, 4), (1, 4, 3), (2, 5, 3)])
def test_rows_of_other_shapes_are_refused(shape):
    pooled = pooled_by(pool_of(3, 4), make_problem((3, 2), num_features=3))
    with pytest.raises(ValueError, match=r"rows: expected the rows of 2 graphs of 4 clusters"):
        pooled.unpool(torch.zeros(shape))
