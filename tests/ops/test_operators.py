"""The kernels as PyTorch operators: schemas, fake results and gradients, in every dtype."""

import pytest
import torch
from torch.library import opcheck

from pyg_diffpool import link_prediction_loss, prepare_adjacency
from pyg_diffpool.ops.level import SparseLevel
from pyg_diffpool.ops.segments import segments
from pyg_diffpool.ops.sparse_product import adjacency_structure
from tests.problems import make_problem

OPERATORS = torch.ops.pyg_diffpool
DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


def some_graphs(kind: str, dtype: torch.dtype):
    """A batch with an empty graph: undirected, or directed with weights."""
    undirected = kind == "undirected"
    weights = None if undirected else "positive"
    problem = make_problem((5, 0, 3, 1), directed=not undirected, weights=weights)
    weight = problem.edge_weight
    if weight is not None:
        weight = weight.to(dtype).requires_grad_()
    adjacency = prepare_adjacency(problem.edge_index, weight, problem.num_nodes)
    assert bool(adjacency.undirected) == undirected
    graphs = segments(problem.num_nodes, problem.batch, 4, None, problem.x.device, None)
    return problem, adjacency, graphs


def flat(adjacency, graphs) -> tuple:
    return (adjacency.weight, *SparseLevel(adjacency, graphs).structure())


def leaf(rows: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return rows.detach().to(dtype).requires_grad_()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["undirected", "directed"])
def test_sparse_products(kind, dtype):
    problem, adjacency, _ = some_graphs(kind, dtype)
    x = leaf(problem.x, dtype)
    arguments = (adjacency.weight, *adjacency_structure(adjacency))
    opcheck(OPERATORS.sparse_product.default, (x, *arguments))
    detached = [a.detach() if isinstance(a, torch.Tensor) else a for a in arguments]
    opcheck(OPERATORS.transposed_product.default, (x.detach(), *detached))
    opcheck(OPERATORS.edge_products.default, (x.detach(), x.detach(), *detached))


@pytest.mark.parametrize("distances", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("kind", "backend"), [("undirected", "padded"), ("directed", "ragged"), ("directed", "auto")]
)
def test_contract(kind, backend, dtype, distances):
    problem, adjacency, graphs = some_graphs(kind, dtype)
    x, s = leaf(problem.x, dtype), leaf(problem.s, dtype)
    opcheck(
        OPERATORS.contract.default,
        (x, s, *flat(adjacency, graphs), backend, distances),
    )


@pytest.mark.parametrize("needs", [(True, True, True), (False, True, False)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("kind", ["undirected", "directed"])
def test_contraction_gradient(kind, dtype, needs):
    problem, adjacency, graphs = some_graphs(kind, dtype)
    x, s = problem.x.to(dtype), problem.s.to(dtype)
    level = [
        a.detach() if isinstance(a, torch.Tensor) else a
        for a in (*flat(adjacency, graphs), "padded")
    ]
    pooled, adj, gram, squared, near, product = OPERATORS.contract(x, s, *level, True)
    cotangents = [torch.randn_like(result) for result in (pooled, adj, gram, squared)]
    opcheck(
        OPERATORS.contraction_gradient.default,
        (*cotangents, gram, near, product, x, s, *level, *needs),
    )
    opcheck(
        OPERATORS.contraction_gradient.default,
        (None, None, None, cotangents[3], gram, near, product, x, s, *level, *needs),
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("kind", ["undirected", "directed"])
def test_cross_entropy(kind, dtype):
    problem, adjacency, graphs = some_graphs(kind, dtype)
    s, level = leaf(problem.s, dtype), flat(adjacency, graphs)
    opcheck(OPERATORS.cross_entropy.default, (s, *level))
    detached = [a.detach() if isinstance(a, torch.Tensor) else a for a in (s, *level)]
    grad = torch.randn(4, dtype=torch.float64)
    for needs in ((True, True), (False, True), (True, False)):
        opcheck(OPERATORS.cross_entropy_gradient.default, (grad, *detached, *needs))


def test_checked_probabilities():
    opcheck(OPERATORS.checked_probabilities.default, (leaf(torch.rand(3), torch.float32), False))


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_order_edges(weighted, declared):
    problem = make_problem((5, 0, 3, 1), directed=False, weights="positive")
    weight = problem.edge_weight if weighted else None
    opcheck(
        OPERATORS.order_edges.default,
        (*problem.edge_index, weight, problem.num_nodes, declared, True),
    )


@pytest.mark.parametrize("batch_size", [4, -1])
def test_segment_pointers(batch_size):
    problem, adjacency, _ = some_graphs("undirected", torch.float32)
    edges = (adjacency.col, adjacency.target)
    opcheck(OPERATORS.segment_pointers.default, (problem.batch, *edges, batch_size, -1, True))


def test_duplicates_that_were_not_summed_count_as_one_entry():
    """What a GPU and a compiler prepare: sorted edges, duplicates side by side."""
    problem = make_problem((5, 3), directed=False, weights="positive")
    edge_index = problem.edge_index.repeat(1, 2)
    weight = leaf(torch.cat([problem.edge_weight, 2 * problem.edge_weight]), torch.float64)
    expected_weight = leaf(weight, torch.float64)
    expected = link_prediction_loss(problem.s, edge_index, expected_weight, problem.batch)

    ordered = OPERATORS.order_edges(*edge_index, weight.detach(), problem.num_nodes, False, True)
    rowptr, order, transposed, symmetric = ordered
    adjacency = prepare_adjacency(edge_index, weight, problem.num_nodes)._replace(
        rowptr=rowptr,
        col=edge_index[0][order],
        target=edge_index[1][order],
        weight=weight[order],
        undirected=bool(symmetric),
        transposed=transposed,
        coalesced=False,
    )
    loss = link_prediction_loss(problem.s, adjacency, batch=problem.batch)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(weight.grad, expected_weight.grad)
