"""What the backends share that keep their rows side by side."""

import torch
from torch.testing import assert_close

from pyg_diffpool.ops.backends.base import SideBySide
from pyg_diffpool.ops.backends.ragged import Ragged
from pyg_diffpool.ops.backends.triton import Triton
from tests.ops.backends.products import Operands


def test_columns_are_taken_apart_in_their_order():
    product = torch.arange(2 * 2 * 7.0).view(2, 2, 7)
    graphs = Operands((1, 1)).graphs
    pooled, through_p, gram = Ragged(graphs).split(product, torch.ones(2, 2))
    assert_close((pooled, through_p, gram), (product[..., :3], product[..., 3:5], product[..., 5:]))
    assert all(part.is_contiguous() for part in (pooled, through_p, gram))


def test_only_fused_kernels_take_half_precision():
    assert Triton.takes_half
    assert not SideBySide.takes_half
