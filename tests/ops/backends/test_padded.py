"""The backend ``padded`` against loops over graphs, and how it lays rows out."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.backends.padded import Padded
from tests.ops.backends.products import SIZES, Operands, check_contract, check_expand_and_spread


@pytest.mark.parametrize("features", [0, 3])
@pytest.mark.parametrize("sizes", SIZES)
def test_contract(sizes, features):
    check_contract(Padded, SIZES[sizes], features)


@pytest.mark.parametrize("sizes", SIZES)
def test_expand_and_spread(sizes):
    check_expand_and_spread(Padded, SIZES[sizes])


def test_rows_stand_side_by_side_and_padding_is_zero():
    given = Operands((2, 0, 3))
    rows = Padded(given.graphs).arrange(given.x, given.p, given.s)
    dense, _ = given.problem.to_dense(torch.cat([given.x, given.p, given.s], 1))
    assert_close(rows, dense)
