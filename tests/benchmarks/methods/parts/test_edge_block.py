import pytest
import torch
from torch import nn

from benchmarks.methods.parts.edge_block import EdgeBlock, edge_blocks
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings, make_settings

EDGES = torch.tensor([[0, 1, 2, 1], [1, 2, 0, 0]])


def test_one_convolution_by_its_definition():
    block = EdgeBlock(2, 3, 1, 4, 0.0).eval()
    nn.init.constant_(block.convs[0].eps, 0.5)
    x, attr = torch.randn(3, 2), torch.randn(4, 5)
    messages = (x[EDGES[0]] + block.convs[0].lin(attr)).relu()
    gathered = torch.zeros(3, 2).index_add(0, EDGES[1], messages)
    wanted = block.norms[0](block.convs[0].nn(1.5 * x + gathered)).relu()
    torch.testing.assert_close(block(x, EDGES, attr), wanted)


def test_outputs_of_all_convolutions_are_side_by_side():
    block = EdgeBlock(2, 3, 2, 4, 0.5)
    out = block(torch.randn(3, 2), EDGES, torch.randn(4, 5))
    assert out.shape == (3, block.out_channels) == (3, 6)
    before = block.convs[0].lin.weight.clone()
    block.reset_parameters()
    assert not torch.equal(block.convs[0].lin.weight, before)


def test_blocks_of_the_settings():
    problem = Problem(4, 2, [3], torch.tensor([9]), num_edge_features=5)
    settings = make_settings({"hidden_channels": 8, "num_layers": 2, "num_layers_after": 1})
    make = edge_blocks(settings, problem)
    first, second = make(4, 0), make(16, 1)
    assert (first.out_channels, second.out_channels) == (16, 8)
    assert first.convs[0].lin.in_channels == 6
    with pytest.raises(UsageError, match="setting edge_features: expected data whose edges have"):
        edge_blocks(Settings(), problem._replace(num_edge_features=0))
