"""Rows to one vector per graph, on both kinds of level, against loops over graphs."""

import math

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.nn import readout
from tests.problems import make_problem

X = torch.tensor([[[1.0], [5.0], [-2.0]], [[4.0], [7.0], [9.0]]])
MASK = torch.tensor([[True, False, True], [False, False, False]])
WANTED = {"max": [[1.0], [0.0]], "mean": [[-0.5], [0.0]], "sum": [[-1.0], [0.0]]}
SEVERAL = [("max", "mean", "sum"), ["sum", "max"], ("mean",)]
SCALES = [None, 30, 7.5, "asinh"]


@pytest.mark.parametrize("reduce", WANTED)
def test_rows_outside_the_mask_do_not_count_and_no_rows_give_zeros(reduce):
    expected = torch.tensor(WANTED[reduce])
    for mask in (MASK, MASK.float(), MASK.long()):
        assert_close(readout(X, reduce, mask=mask), expected)
    batch = torch.tensor([0, 0])
    assert_close(readout(X[MASK], reduce, batch=batch, batch_size=2), expected)


def readout_oracle(problem, names, sum_scale):
    """Each graph by itself, each entry by Python's own arithmetic."""
    vectors = []
    for graph, n in enumerate(problem.sizes):
        columns = problem.x[problem.rows(graph)].t().tolist()
        entries = []
        for name in names:
            for column in columns:
                total = math.fsum(column)
                if name == "max":
                    entries.append(max(column) if n > 0 else 0.0)
                elif name == "mean":
                    entries.append(total / n if n > 0 else 0.0)
                elif sum_scale == "asinh":
                    entries.append(math.log(total + math.sqrt(total**2 + 1)))
                else:
                    entries.append(total / (sum_scale or 1))
        vectors.append(entries)
    return torch.tensor(vectors, dtype=torch.double)


@pytest.mark.parametrize("sum_scale", SCALES)
@pytest.mark.parametrize("names", SEVERAL)
def test_several_readouts_stand_side_by_side(names, sum_scale):
    problem = make_problem((6, 0, 1, 4), weights="none")
    expected = readout_oracle(problem, names, sum_scale)
    sparse = readout(problem.x, names, batch=problem.batch, batch_size=4, sum_scale=sum_scale)
    assert_close(sparse, expected, rtol=1e-12, atol=1e-12)
    x, mask = problem.to_dense(problem.x, 8, fill=3.0)
    assert_close(readout(x, names, mask=mask, sum_scale=sum_scale), sparse)
    single = readout(problem.x[:6], names, sum_scale=sum_scale)
    assert_close(single, expected[:1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("sum_scale", SCALES)
def test_gradients_of_all_orders(sum_scale):
    names = ("max", "mean", "sum")
    problem = make_problem((3, 1), weights="none")
    x = problem.x.clone().requires_grad_()

    def sparse(rows):
        return readout(rows, names, batch=problem.batch, batch_size=2, sum_scale=sum_scale)

    def dense(rows):
        mask = torch.tensor([[True, False, True, True]])
        return readout(rows.unsqueeze(0), names, mask=mask, sum_scale=sum_scale)

    for function in (sparse, dense):
        assert torch.autograd.gradcheck(function, x)
        assert torch.autograd.gradgradcheck(function, x)


def test_asinh_has_slope_one_where_the_sum_is_zero():
    x = torch.tensor([[1.0], [-1.0]], dtype=torch.double, requires_grad=True)
    readout(x, "sum", sum_scale="asinh").sum().backward()
    assert_close(x.grad, torch.ones_like(x))


@pytest.mark.parametrize("sum_scale", [1e3, "asinh"])
def test_half_precision_scales_before_it_rounds(sum_scale):
    """A sum of 100,000 is beyond float16; the scaled one is not."""
    x = torch.ones(100_000, 1, dtype=torch.float16)
    wanted = 100.0 if sum_scale == 1e3 else math.asinh(1e5)
    for rows in (x, x.unsqueeze(0)):
        out = readout(rows, "sum", sum_scale=sum_scale)
        assert out.dtype == torch.float16
        assert_close(out.double().item(), wanted, rtol=1e-3, atol=0.0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"x": X, "mask": 0.5 * MASK}, ValueError, "mask: expected True and False"),
        ({"x": X, "mask": MASK.tolist()}, TypeError, "mask: expected a boolean tensor, got list"),
        ({"x": X, "mask": MASK[:, :2]}, ValueError, r"mask: expected shape \[2, 3\], got"),
        ({"x": X[0], "mask": MASK[0]}, ValueError, "mask: expected None on a sparse level"),
        ({"x": X[0], "batch": [0, 0, 0]}, TypeError, "batch: expected a tensor or None, got list"),
        ({"x": X.tolist()}, TypeError, "x: expected a tensor, got list"),
        ({"x": X, "reduce": "median"}, ValueError, "reduce: expected one of .* got 'median'"),
        ({"x": X, "reduce": ("max", "std")}, ValueError, "reduce: expected one of .* got 'std'"),
        ({"x": X, "reduce": ()}, ValueError, "reduce: expected one of .* or several, got none"),
        ({"x": X, "reduce": {"max", "sum"}}, ValueError, "reduce: expected one of .* got set"),
        ({"x": X, "reduce": None}, ValueError, "reduce: expected one of .* got None"),
        ({"x": X, "reduce": ("max", "max")}, ValueError, "reduce: expected each name once"),
        ({"x": X, "sum_scale": 0}, ValueError, "sum_scale: expected a finite number above 0"),
        ({"x": X, "sum_scale": float("nan")}, ValueError, "sum_scale: .* got nan"),
        ({"x": X, "sum_scale": float("inf")}, ValueError, "sum_scale: .* got inf"),
        ({"x": X, "sum_scale": "log"}, ValueError, "sum_scale: .* got 'log'"),
        ({"x": X, "sum_scale": True}, ValueError, "sum_scale: .* got True"),
    ],
)
def test_what_is_wrong_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        readout(**{"reduce": "mean", **arguments})
