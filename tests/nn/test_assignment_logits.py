"""Which assignment networks hand over their last layer instead of its result."""

import torch
from torch.testing import assert_close

from pyg_diffpool.nn import Assignment, GNNBlock, SAGEConv
from pyg_diffpool.nn.assignment_logits import ends_in_linear_layer, without_last_layer


def network() -> Assignment:
    return Assignment(GNNBlock(3, 4, 4, 1), 5)


def test_the_last_layer():
    assign, hidden = network(), torch.randn(6, 4)
    assert ends_in_linear_layer(assign)
    assert_close(without_last_layer(assign, hidden).matrix(), assign.lin(hidden))


def test_networks_whose_call_has_other_effects_are_called():
    hooked, inner = network(), network()
    hooked.register_forward_hook(lambda *_: None)
    inner.lin.register_forward_hook(lambda *_: None)
    for assign in (SAGEConv(3, 5), hooked, inner):
        assert not ends_in_linear_layer(assign)
