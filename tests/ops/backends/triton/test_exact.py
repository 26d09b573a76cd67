"""What is chosen before a program runs; ``exact_cases.py`` tests what they compute."""

import pytest
import torch

from pyg_diffpool.ops.backends.triton.exact import MOST_PARTS, _num_parts, _tile


@pytest.mark.parametrize("batch_size", [0, 1, 7, 16, 17, 100, 1024, 5000])
def test_few_graphs_are_divided_into_more_parts(batch_size):
    count = _num_parts(batch_size)
    assert 1 <= count <= MOST_PARTS
    assert count & (count - 1) == 0
    assert count * batch_size <= 1024 or count == 1
    assert count == MOST_PARTS if batch_size <= 16 else count * batch_size > 512


@pytest.mark.parametrize(("clusters", "tile"), [(1, 16), (16, 16), (17, 32), (300, 32)])
def test_tiles_cover_few_clusters_at_once(clusters, tile):
    assert _tile(torch.empty(0, clusters)) == tile
