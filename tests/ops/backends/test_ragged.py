"""The backend ``ragged`` against loops over graphs, and how it lays rows out."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.backends.ragged import Ragged
from tests.ops.backends.products import SIZES, Operands, check_contract, check_expand_and_spread


@pytest.mark.parametrize("features", [0, 3])
@pytest.mark.parametrize("sizes", SIZES)
def test_contract(sizes, features):
    check_contract(Ragged, SIZES[sizes], features)


@pytest.mark.parametrize("sizes", SIZES)
def test_expand_and_spread(sizes):
    check_expand_and_spread(Ragged, SIZES[sizes])


def test_rows_stand_side_by_side_without_padding():
    given = Operands((2, 0, 3))
    rows = Ragged(given.graphs).arrange(given.x, given.p, given.s)
    assert_close(rows, torch.cat([given.x, given.p, given.s], 1))
