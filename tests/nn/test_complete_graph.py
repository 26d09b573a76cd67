"""A convolution over all pairs of nodes, against one over an adjacency matrix of ones."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool import SAGEConv
from pyg_diffpool.nn.complete_graph import convolve_complete_graph
from tests.problems import make_problem

EXACT = {"rtol": 1e-10, "atol": 1e-10}
AGGREGATIONS = ("mean", "sum", "max", "min", "std", "median")
SEVERAL = ("mean", "std")


def make_conv(aggr: str, **options) -> SAGEConv:
    torch.manual_seed(4)
    return SAGEConv(2, 3, aggr, **options).double()


REDUCED = {
    "mean": lambda rows: rows.mean(0),
    "sum": lambda rows: rows.sum(0),
    "max": lambda rows: rows.amax(0),
    "min": lambda rows: rows.amin(0),
    "std": lambda rows: rows.std(0, unbiased=False),
    "median": lambda rows: rows.median(0).values,
}


def oracle(conv: SAGEConv, rows: torch.Tensor) -> torch.Tensor:
    """One graph: each node loops over all nodes, itself among them."""
    outputs = [rows.new_empty(0, 3)]
    for v in range(len(rows)):
        gathered = REDUCED[conv.aggr](torch.stack([rows[u] for u in range(len(rows))]))
        out = conv.lin_l.weight @ gathered + conv.lin_l.bias
        if conv.root_weight:
            out = out + conv.lin_r.weight @ rows[v]
        outputs.append((out / out.norm() if conv.normalize else out).unsqueeze(0))
    return torch.cat(outputs)


@pytest.mark.parametrize("options", [{}, {"root_weight": False}, {"normalize": True}])
@pytest.mark.parametrize("aggr", AGGREGATIONS)
def test_levels_agree_with_loops_over_all_pairs(aggr, options):
    problem, conv = make_problem((5, 0, 1, 4)), make_conv(aggr, **options)
    expected = torch.cat([oracle(conv, problem.x[problem.rows(g)]) for g in range(4)])
    sparse = convolve_complete_graph(conv, problem.x, batch=problem.batch, batch_size=4)
    assert_close(sparse, expected, **EXACT)
    for fill in (3.0, float("nan")):
        x, mask = problem.to_dense(problem.x, 7, fill=fill)
        dense = convolve_complete_graph(conv, x, mask=mask)
        assert_close(dense[mask], expected, **EXACT)
        assert dense[~mask].count_nonzero() == 0


@pytest.mark.parametrize("aggr", [*AGGREGATIONS, SEVERAL])
def test_it_is_the_convolution_of_a_complete_graph(aggr):
    conv, x = make_conv(aggr), torch.randn(2, 4, 2).double()
    mask = torch.tensor([[True, True, False, True], [True, False, False, False]])
    ones = torch.ones(2, 4, 4).double()
    for rows in (None, mask, mask.double()):
        expected = conv(x, ones, mask=rows)
        assert_close(convolve_complete_graph(conv, x, mask=rows), expected, **EXACT)


@pytest.mark.parametrize("aggr", ["mean", "sum", "max", SEVERAL])
def test_gradients(aggr):
    problem, conv = make_problem((3, 0, 1)), make_conv(aggr, normalize=True)
    mask = torch.tensor([[True, False, True, True]])

    def sparse(rows):
        return convolve_complete_graph(conv, rows, batch=problem.batch, batch_size=3)

    def dense(rows):
        return convolve_complete_graph(conv, rows.unsqueeze(0), mask=mask)

    x = problem.x.clone().requires_grad_()
    assert torch.autograd.gradcheck(sparse, x)
    assert torch.autograd.gradgradcheck(sparse, x)
    assert torch.autograd.gradcheck(dense, x)


def test_masked_rows_that_are_no_numbers_stay_out_of_gradients():
    conv, mask = make_conv("mean"), torch.tensor([[True, False]])
    x = torch.tensor([[[1.0, 2.0], [float("nan"), float("inf")]]]).double()
    convolve_complete_graph(conv, x, mask=mask).sum().backward()
    for parameter in conv.parameters():
        assert parameter.grad.isfinite().all()


def test_pairs_are_not_formed():
    """All pairs of 200,000 nodes would be 160 GB."""
    conv = SAGEConv(2, 3)
    x, batch = torch.randn(200_000, 2), torch.zeros(200_000, dtype=torch.long)
    out = convolve_complete_graph(conv, x, batch=batch, batch_size=1)
    assert_close(out, conv.lin_l(x.mean(0)) + conv.lin_r(x))


def test_graphs_must_be_told_apart():
    with pytest.raises(ValueError, match=r"^batch: expected the graph of each row"):
        convolve_complete_graph(make_conv("mean"), torch.randn(4, 2).double())
