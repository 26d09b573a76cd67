"""Gram matrices without edges, against the products of dense matrices."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.level import gram_matrices, read_graphs
from tests.oracles import coarsen_oracle
from tests.problems import LargestTensor, leaf, make_problem

PROBLEM = make_problem((5, 0, 1, 3))


def graphs_of(s, **given):
    arguments = {"batch": None, "batch_size": None, "mask": None, "max_num_nodes": None}
    return read_graphs(s, **{**arguments, **given}, validate=None)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_both_kinds_of_graphs(dtype):
    s = leaf(PROBLEM.s)
    wanted = coarsen_oracle(PROBLEM, PROBLEM.x, s)[2]
    direction = torch.randn_like(wanted)
    (expected,) = torch.autograd.grad((wanted * direction).sum(), s)
    tolerance = {"rtol": 1e-2, "atol": 1e-2} if dtype == torch.float16 else {}
    dense, mask = PROBLEM.to_dense(PROBLEM.s, fill=float("nan"))
    for rows, given, real in (
        (PROBLEM.s, {"batch": PROBLEM.batch, "batch_size": 4}, slice(None)),
        (dense, {"mask": mask}, mask),
    ):
        rows = leaf(rows, dtype)
        found = gram_matrices(rows, graphs_of(rows, **given))
        assert found.dtype == (torch.float32 if dtype == torch.float16 else torch.float64)
        assert_close(found.double(), wanted, **tolerance)
        (onto,) = torch.autograd.grad((found * direction).sum(), rows)
        assert_close(onto[real].double(), expected, **tolerance)


def test_no_matrix_of_all_pairs_on_a_dense_level():
    s = torch.rand(2, 500, 3)
    with LargestTensor() as largest:
        gram_matrices(s, graphs_of(s))
    assert largest.numel <= s.numel()
