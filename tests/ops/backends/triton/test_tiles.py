"""Sizes of tiles, and rows as the programs read them."""

import pytest
import torch

from pyg_diffpool.ops.backends.triton.tiles import block_size, contiguous_rows, num_blocks


@pytest.mark.parametrize(("size", "block"), [(0, 16), (16, 16), (17, 32), (64, 64), (65, 64)])
def test_a_block_covers_a_size_as_far_as_it_may(size, block):
    assert block_size(size, 64) == block


@pytest.mark.parametrize(("size", "number"), [(0, 0), (1, 1), (16, 1), (17, 2)])
def test_blocks_cover_a_size(size, number):
    assert num_blocks(size, 16) == number


def test_rows_of_other_strides_are_copied_and_others_are_not():
    rows = torch.arange(12.0).view(3, 4)
    assert contiguous_rows(rows[:, 1:3]).data_ptr() == rows[:, 1:].data_ptr()
    turned = contiguous_rows(rows.t())
    assert turned.stride(1) == 1
    assert torch.equal(turned, rows.t())
