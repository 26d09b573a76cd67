"""How many of the library's own functions stand between a network and the products it calls."""

import traceback
from pathlib import Path

import pytest
import torch

import pyg_diffpool
from pyg_diffpool import DiffPoolNet, prepare_adjacency

LIBRARY = Path(pyg_diffpool.__file__).parent
MOST_FRAMES = 6


def own_frames() -> list[str]:
    """The library's functions on the stack, outermost first."""
    return [
        f"{Path(frame.filename).relative_to(LIBRARY)}:{frame.name}"
        for frame in traceback.extract_stack()
        if LIBRARY in Path(frame.filename).parents
    ]


def stacks(monkeypatch, owner, name, **settings) -> list[list[str]]:
    """The frames above every call of a function of torch, in a step of a network."""
    found: list[list[str]] = []
    function = getattr(owner, name)

    def spy(*arguments, **options):
        found.append(own_frames())
        return function(*arguments, **options)

    # Eight graphs of one size, which are multiplied in one padded batch; 64 columns and more.
    edges = torch.cat([torch.tensor([[0, 1, 2], [1, 2, 0]]) + 3 * graph for graph in range(8)], 1)
    batch = torch.arange(8).repeat_interleave(3)
    net = DiffPoolNet(64, 64, 2, max_clusters=[3, 2], **settings)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, spy)
        net(torch.randn(24, 64), prepare_adjacency(edges), None, batch)
    return found


def test_from_the_network_to_the_coarsenings_product(monkeypatch):
    calls = stacks(monkeypatch, torch, "bmm")
    # Layers multiply by torch.bmm too: the weights of both networks, and dense adjacencies.
    (stack,) = [stack for stack in calls if stack[-1] == "ops/backends/padded.py:contract"]
    assert stack[0] == "models/diff_pool_net.py:forward"
    assert len(stack) <= MOST_FRAMES, stack


def test_from_the_network_to_the_product_of_both_convolutions(monkeypatch):
    """The embedding and the assignment network share the product of each of the three layers."""
    calls = stacks(monkeypatch, torch.sparse, "mm")
    assert len(calls) == 3
    for stack in calls:
        assert stack[-1] == "ops/sparse_product.py:forward"
        assert len(stack) <= MOST_FRAMES, stack


@pytest.mark.parametrize(("network", "more"), [("embed", 0), ("assign", 1)])
def test_from_the_network_to_a_convolutions_product(network, more, monkeypatch):
    """Module by module, the assignment network has a linear layer around its block: one more."""
    calls = stacks(monkeypatch, torch.sparse, "mm", dropout=0.5)
    inside = [s for s in calls if ("nn/assignment.py:forward" in s) == (network == "assign")]
    assert len(inside) == 3
    for stack in inside:
        assert stack[-1] == "ops/sparse_product.py:forward"
        assert len(stack) <= MOST_FRAMES + more, stack
