"""What compilers trace of blocks side by side, run in eager mode, against their modules."""

import copy

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool import GNNBlock, prepare_adjacency
from pyg_diffpool.nn.traced_blocks import trace_blocks

EDGES = torch.tensor([[0, 1, 1, 2, 4, 3, 5], [1, 0, 2, 1, 3, 4, 5]])
OPTIONS = [
    {},
    {"aggr": "sum", "root_weight": False, "jump": "last", "final_activation": False},
    {"normalize": False, "batch_norm": False},
]


def two_blocks(**options):
    torch.manual_seed(0)
    blocks = [GNNBlock(3, 4, 5, 2, **options).double() for _ in range(2)]
    for block in blocks:
        for norm in block.norms:
            torch.nn.init.uniform_(norm.module.weight)
    return blocks


def sparse_level():
    weight = torch.rand(EDGES.size(1), dtype=torch.float64) + 0.5
    return torch.randn(6, 3).double(), prepare_adjacency(EDGES, weight, 6)


def dense_level():
    return torch.randn(2, 4, 3).double(), torch.rand(2, 4, 4).double()


def gradients(outputs, inputs):
    total = sum((k + 1) * out.square().sum() for k, out in enumerate(outputs))
    return torch.autograd.grad(total, inputs)


@pytest.mark.parametrize("make_level", [sparse_level, dense_level])
@pytest.mark.parametrize("options", OPTIONS, ids=["default", "sum", "plain"])
@pytest.mark.parametrize("number", [1, 2])
def test_outputs_gradients_and_statistics_are_those_of_the_modules(number, options, make_level):
    blocks = two_blocks(**options)[:number]
    called = copy.deepcopy(blocks)
    x, adj = make_level()
    x.requires_grad_()
    found = trace_blocks(blocks, x, adj, None)
    expected = [block(x, adj) for block in called]
    assert_close(list(found), expected)
    pairs = []
    for outputs, modules in ((found, blocks), (expected, called)):
        parameters = [own for module in modules for own in module.parameters()]
        pairs.append(gradients(outputs, [x, *parameters]))
    assert_close(*pairs)
    for ours, theirs in zip(blocks, called, strict=True):
        assert_close(dict(ours.named_buffers()), dict(theirs.named_buffers()))


def test_other_blocks_and_levels_are_left_to_modules():
    x, adj = dense_level()
    blocks = two_blocks()
    assert trace_blocks(blocks, x, adj, torch.ones(2, 4, dtype=torch.bool)) is None
    assert trace_blocks(blocks, x.half(), adj, None) is None
    assert trace_blocks(blocks, x, adj[:, :3], None) is None
    assert trace_blocks(blocks, x, EDGES, None) is None
    rows, adjacency = sparse_level()
    assert trace_blocks(blocks, rows[:4], adjacency, None) is None
    assert trace_blocks(blocks, x[:1, :1], adj[:1, :1, :1], None) is None
    with torch.autocast("cpu", torch.bfloat16):
        assert trace_blocks(blocks, x, adj, None) is None
    assert trace_blocks(two_blocks(dropout=0.5), x, adj, None) is None
    assert trace_blocks([block.eval() for block in blocks], x, adj, None) is None
