"""The blocks of both networks of a level."""

import pytest
import torch
from torch import nn

from pyg_diffpool.nn import Assignment, GNNBlock
from pyg_diffpool.nn.side_by_side import blocks_of_networks

X = torch.ones(4, 3)


class OtherBlock(GNNBlock):
    pass


def make_networks():
    return GNNBlock(3, 5, 4, 2), Assignment(GNNBlock(3, 5, 4, 2), 2)


def test_the_blocks_of_both_networks():
    embed, assign = make_networks()
    assert blocks_of_networks(embed, assign, X) == (embed, assign.block)


def test_networks_of_other_types_have_no_blocks():
    embed, assign = make_networks()
    other = OtherBlock(3, 5, 4, 2)
    assert blocks_of_networks(other, assign, X) is None
    assert blocks_of_networks(embed, nn.Linear(3, 2), X) is None
    assert blocks_of_networks(embed, Assignment(other, 2), X) is None


@pytest.mark.parametrize("watched", [0, 1, 2])
def test_a_hook_on_a_whole_network_keeps_them_apart(watched):
    embed, assign = make_networks()
    handle = (embed, assign, assign.block)[watched].register_forward_hook(lambda *_: None)
    assert blocks_of_networks(embed, assign, X) is None
    handle.remove()
    assert blocks_of_networks(embed, assign, X) is not None


def test_only_plain_calls_in_eager_mode():
    networks = make_networks()
    assert blocks_of_networks(*networks, X.bfloat16()) is None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert blocks_of_networks(*networks, X) is None
    found = []
    torch.func.vmap(lambda x: (found.append(blocks_of_networks(*networks, x)), x)[1])(X[None])
    assert found == [None]
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    assert blocks_of_networks(*networks, X) is None
    handle.remove()
